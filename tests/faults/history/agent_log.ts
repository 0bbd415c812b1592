// The agents' own log: what they were asked and what they answered, as they saw it, one JSON line an
// event. Nothing in it comes from the orchestrator's tables, so the two can be held against each other.

/** A request reached an agent. */
export interface CallEvent {
  event: "call";
  /** Milliseconds since 1970. */
  at: number;
  /** Number of the call in this log. */
  call: number;
  run: string;
  step: string;
  /** Place of the item in its fan-out; -1: the step itself. */
  item: number;
  attempt: number;
  key: string;
}

/** What an agent has decided on a call. `accepted`: with a 202, the answer comes by callback. */
export type Verdict = "success" | "failure" | "accepted" | "none";

/** An agent is done with a request, whether or not the caller heard of it. */
export interface AnswerEvent {
  event: "answer";
  at: number;
  call: number;
  /** Null: no status was sent. */
  status: number | null;
  verdict: Verdict;
  /** What a success is worth: `value` of the output, which must come to be in the database. */
  value: string | null;
  /** Why the answer was not an ordinary one, such as "hang"; null: it was. */
  fault: string | null;
  /** The answer was sent whole to a caller that was still there. */
  delivered: boolean;
}

/** An agent posted the answer of an accepted call; `status` 0: nobody took it. */
export interface CallbackEvent {
  event: "callback";
  at: number;
  call: number;
  status: number;
  verdict: Verdict;
  value: string | null;
}

export type LogEvent = CallEvent | AnswerEvent | CallbackEvent;

/** One call with all that became of it. */
export interface AgentCall extends Omit<CallEvent, "event"> {
  answer: AnswerEvent | null;
  callbacks: CallbackEvent[];
}

/** Lines are kept this long in memory, so that a busy agent does not wait for the disk. */
const FLUSH_BYTES = 64 * 1024;

/** Writes the log of one process of agents. */
export class AgentLog {
  readonly #file: Deno.FsFile;
  #pending = "";
  #calls = 0;

  /** Appends to a file that only this process writes. */
  constructor(readonly path: string) {
    this.#file = Deno.openSync(path, { create: true, append: true });
  }

  get calls(): number {
    return this.#calls;
  }

  /** Notes a request as it comes in; answers its number. */
  noteCall(call: Omit<CallEvent, "event" | "at" | "call">): number {
    const number = ++this.#calls;
    this.#write({ event: "call", at: Date.now(), call: number, ...call });
    return number;
  }

  noteAnswer(answer: Omit<AnswerEvent, "event" | "at">): void {
    this.#write({ event: "answer", at: Date.now(), ...answer });
  }

  noteCallback(callback: Omit<CallbackEvent, "event" | "at">): void {
    this.#write({ event: "callback", at: Date.now(), ...callback });
  }

  flush(): void {
    const bytes = new TextEncoder().encode(this.#pending);
    this.#pending = "";
    for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
  }

  close(): void {
    this.flush();
    this.#file.close();
  }

  #write(event: LogEvent): void {
    this.#pending += `${JSON.stringify(event)}\n`;
    if (this.#pending.length >= FLUSH_BYTES) this.flush();
  }
}

/** Reads the calls of the logs of one or more processes, in the order of each log. */
export async function readCalls(...paths: string[]): Promise<AgentCall[]> {
  const calls: AgentCall[] = [];
  for (const path of paths) {
    const byNumber = new Map<number, AgentCall>();
    for await (const event of readEvents(path)) {
      if (event.event === "call") {
        const { event: _, ...rest } = event;
        const call: AgentCall = { ...rest, answer: null, callbacks: [] };
        byNumber.set(call.call, call);
        calls.push(call);
        continue;
      }
      const call = byNumber.get(event.call);
      if (call === undefined) {
        throw new Error(`reading ${path}: an ${event.event} belongs to no call: ${event.call}`);
      }
      if (event.event === "answer") call.answer = event;
      else call.callbacks.push(event);
    }
  }
  return calls;
}

async function* readEvents(path: string): AsyncGenerator<LogEvent> {
  const file = await Deno.open(path);
  let rest = "";
  for await (const chunk of file.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line) as LogEvent;
  }
  if (rest !== "") throw new Error(`reading ${path}: the last line is incomplete: ${rest}`);
}
