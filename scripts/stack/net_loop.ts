// Sends the requests of net.http_request_queue with the manners of the real pg_net: woken by the
// commit, in batches, one second of sleep after each batch, answers kept for six hours.
import type postgres from "postgres";

interface QueuedRequest {
  id: string;
  method: string;
  url: string;
  headers: Record<string, unknown> | null;
  body: Uint8Array<ArrayBuffer> | null;
  timeout_milliseconds: number;
}

interface Answer {
  id: string;
  status_code: number | null;
  content_type: string | null;
  headers: Record<string, string> | null;
  content: string | null;
  timed_out: boolean | null;
  error_msg: string | null;
}

// The real extension's defaults (pg_net.batch_size, its sleep between batches, pg_net.ttl).
const BATCH_SIZE = 200;
const SLEEP_AFTER_BATCH_MS = 1000;
const KEPT_FOR = "6 hours";

export class NetLoop {
  #isRunning = false;
  #isWoken = false;
  #isStopped = false;
  #isOn: boolean;
  #endSleep: () => void = () => {};
  #current: Promise<void> = Promise.resolve();
  readonly #stopping = new AbortController();
  readonly #client = Deno.createHttpClient({});

  constructor(
    readonly sql: postgres.Sql,
    isOn: boolean,
    readonly onEvent: (line: string) => void,
  ) {
    this.#isOn = isOn;
  }

  /** Called for each notification; also once at the start, for what was queued before. */
  wake(): void {
    this.#isWoken = true;
    if (this.#isRunning || this.#isStopped || !this.#isOn) return;
    this.#isRunning = true;
    this.#current = this.#drain().finally(() => this.#isRunning = false);
  }

  switch(isOn: boolean): void {
    this.#isOn = isOn;
    if (isOn) this.wake();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#stopping.abort();
    this.#endSleep();
    await this.#current;
    this.#client.close();
  }

  async #drain(): Promise<void> {
    while (this.#isWoken && this.#isOn && !this.#isStopped) {
      this.#isWoken = false;
      try {
        const batch = await this.#takeBatch();
        if (batch.length === 0) continue;
        await Promise.all(batch.map((request) => this.#send(request)));
        // More may wait than one batch took, and a notification came only for the first of them.
        this.#isWoken = true;
      } catch (error) {
        if (this.#isStopped) return;
        this.onEvent(`pg_net: ${error instanceof Error ? error.message : error}`);
        this.#isWoken = true;
      }
      await this.#sleep();
    }
  }

  // Taken means gone, as with the real one: a request that fails is recorded, never repeated.
  async #takeBatch(): Promise<QueuedRequest[]> {
    return await this.sql<QueuedRequest[]>`
      with expired as (
        delete from net._http_response where created < now() - ${KEPT_FOR}::interval
      )
      delete from net.http_request_queue
      where id = any(array(
        select id from net.http_request_queue order by id limit ${BATCH_SIZE} for update skip locked
      ))
      returning id, method, url, headers, body, timeout_milliseconds`;
  }

  async #send(request: QueuedRequest): Promise<void> {
    const answer = await this.#fetch(request);
    if (this.#isStopped) return;
    await this.sql`
      insert into net._http_response
        (id, status_code, content_type, headers, content, timed_out, error_msg)
      values (
        ${answer.id}, ${answer.status_code}, ${answer.content_type},
        ${answer.headers === null ? null : JSON.stringify(answer.headers)}::text::jsonb,
        ${answer.content}, ${answer.timed_out}, ${answer.error_msg}
      )`;
  }

  async #fetch(request: QueuedRequest): Promise<Answer> {
    const started = performance.now();
    const timeout = AbortSignal.timeout(request.timeout_milliseconds);
    const empty = { status_code: null, content_type: null, headers: null, content: null };
    try {
      const response = await fetch(request.url, {
        method: request.method,
        headers: makeHeaders(request.headers),
        body: request.body,
        redirect: "manual",
        signal: AbortSignal.any([timeout, this.#stopping.signal]),
        client: this.#client,
      });
      return {
        id: request.id,
        status_code: response.status,
        content_type: response.headers.get("content-type"),
        headers: Object.fromEntries(response.headers),
        // Postgres cannot keep a zero character in a text.
        content: (await response.text()).replaceAll("\0", ""),
        timed_out: false,
        error_msg: null,
      };
    } catch (error) {
      const spentMs = (performance.now() - started).toFixed(0);
      const message = timeout.aborted
        ? `Timeout of ${request.timeout_milliseconds} ms reached. Total time: ${spentMs} ms`
        : describe(error);
      return { id: request.id, ...empty, timed_out: timeout.aborted, error_msg: message };
    }
  }

  async #sleep(): Promise<void> {
    if (this.#isStopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, SLEEP_AFTER_BATCH_MS);
      this.#endSleep = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

// fetch puts the reason into the cause of an error that only says that it failed.
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

function makeHeaders(headers: Record<string, unknown> | null): Headers {
  const made = new Headers({ "user-agent": "pg_net/0.20.4" });
  for (const [name, value] of Object.entries(headers ?? {})) made.set(name, String(value));
  return made;
}
