// A TCP proxy that can cut its connections or fall silent: the network between gateway and database.

type Pair = [Deno.TcpConn, Deno.TcpConn];

export class TcpProxy {
  readonly #listener: Deno.TcpListener;
  readonly #pairs = new Set<Pair>();
  #silence: PromiseWithResolvers<void> | null = null;

  constructor(readonly target: { hostname: string; port: number }) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    void this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Ends all connections; answers how many there were. */
  cut(): number {
    const pairs = [...this.#pairs];
    for (const pair of pairs) this.#end(pair);
    return pairs.length;
  }

  /** From now on nothing goes through, and nobody is told. */
  silence(): void {
    this.#silence ??= Promise.withResolvers();
  }

  /** What was held back goes on its way. */
  speak(): void {
    this.#silence?.resolve();
    this.#silence = null;
  }

  close(): void {
    this.speak();
    this.#listener.close();
    this.cut();
  }

  async #accept(): Promise<void> {
    for await (const inner of this.#listener) void this.#join(inner);
  }

  async #join(inner: Deno.TcpConn): Promise<void> {
    let outer: Deno.TcpConn;
    try {
      outer = await Deno.connect(this.target);
    } catch {
      // The database is down: the caller sees a connection that ends, as through a load balancer.
      inner.close();
      return;
    }
    const pair: Pair = [inner, outer];
    this.#pairs.add(pair);
    inner.setNoDelay();
    outer.setNoDelay();
    void this.#copy(inner, outer, pair);
    void this.#copy(outer, inner, pair);
  }

  async #copy(from: Deno.TcpConn, to: Deno.TcpConn, pair: Pair): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (let read = await from.read(buffer); read !== null; read = await from.read(buffer)) {
        await this.#silence?.promise;
        for (let at = 0; at < read;) at += await to.write(buffer.subarray(at, read));
      }
    } catch {
      // Cut, or the other side is gone: both end.
    }
    this.#end(pair);
  }

  #end(pair: Pair): void {
    if (!this.#pairs.delete(pair)) return;
    for (const connection of pair) {
      try {
        connection.close();
      } catch {
        // It had ended by itself.
      }
    }
  }
}
