// A server on the other side of a notification: a webhook's endpoint, or Slack. It keeps what it got and
// answers what a test says.

export interface Received {
  at: number;
  method: string;
  path: string;
  headers: Record<string, string>;
  text: string;
  body: Record<string, unknown>;
}

export type Reply = (request: Received) => Response | Promise<Response>;

export class Receiver {
  readonly received: Received[] = [];
  reply: Reply = () => new Response(null, { status: 204 });
  readonly #closing = Promise.withResolvers<Response>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async (request) => {
        const text = await request.text();
        const got = {
          at: Date.now(),
          method: request.method,
          path: new URL(request.url).pathname,
          headers: Object.fromEntries(request.headers),
          text,
          body: text === "" ? {} : JSON.parse(text),
        };
        this.received.push(got);
        return await Promise.race([this.reply(got), this.#closing.promise]);
      },
    );
  }

  get host(): string {
    return `127.0.0.1:${this.#server.addr.port}`;
  }

  get url(): string {
    return `http://${this.host}/hook`;
  }

  /** Forgets what it got, and answers well again. */
  clear(): void {
    this.received.length = 0;
    this.reply = () => new Response(null, { status: 204 });
  }

  /** Takes requests and never answers them. */
  hang(): void {
    this.reply = () => new Promise(() => {});
  }

  async close(): Promise<void> {
    this.#closing.resolve(new Response(null, { status: 503 }));
    await this.#server.shutdown();
  }
}
