// Rules on results and keys: what an agent has decided is what the database has, and nobody is asked
// for the same work under another name. Pure.
import type { AgentCall } from "./agent_log.ts";
import type { HistoryIndex, JobRow, Violation } from "./history.ts";

/** Values that agents have decided on, whether or not the answer got through. */
function listDecided(calls: AgentCall[]): Set<string> {
  const values = new Set<string>();
  for (const { answer, callbacks } of calls) {
    for (const event of [...(answer === null ? [] : [answer]), ...callbacks]) {
      if (event.verdict === "success" && event.value !== null) values.add(event.value);
    }
  }
  return values;
}

export function* findLostResults(history: HistoryIndex): Generator<Violation> {
  for (const [place, calls] of history.callsByPlace) {
    const decided = listDecided(calls);
    const job = history.jobByPlace.get(place);
    if (job === undefined) {
      yield { rule: "every call belongs to a job", detail: `${place} was called, has no job` };
    } else if (decided.size > 0 && job.status !== "success" && job.status !== "cancelled") {
      yield {
        rule: "no result is lost",
        detail: `${place}: the agent succeeded (${[...decided].join()}), the job is ${job.status}`,
      };
    }
  }
}

/** The other way round: a success of the database is one of its agent. */
export function* findInventedResults(history: HistoryIndex): Generator<Violation> {
  for (const [place, job] of history.jobByPlace) {
    if (!job.callsAgent || job.status !== "success" || job.isValueElsewhere) continue;
    const decided = listDecided(history.callsByPlace.get(place) ?? []);
    if (job.value !== null && decided.has(job.value)) continue;
    yield {
      rule: "a result is what its agent decided",
      detail: `${place}: the database has ${job.value}, the agent said ${
        [...decided].join() || "nothing"
      }`,
    };
  }
}

/** `run:step:…:generation`: the last part rises only when somebody has the step done again. */
export function* findForeignKeys(history: HistoryIndex): Generator<Violation> {
  const placeOfKey = new Map<string, string>();
  for (const [place, calls] of history.callsByPlace) {
    const keys = new Set(calls.map(({ key }) => key));
    const generations = (history.jobByPlace.get(place)?.generation ?? 0) + 1;
    if (keys.size > generations) {
      yield {
        rule: "repeated calls carry one key",
        detail: `${place}: ${keys.size} keys for ${generations} generations: ${[...keys].join()}`,
      };
    }
    for (const key of keys) {
      const other = placeOfKey.get(key);
      if (other !== undefined) {
        yield { rule: "a key is one step's", detail: `${key} is that of ${other} and of ${place}` };
      }
      placeOfKey.set(key, place);
    }
    yield* findRepeatedSuccess(place, calls, history.jobByPlace.get(place));
  }
}

function* findRepeatedSuccess(
  place: string,
  calls: AgentCall[],
  job: JobRow | undefined,
): Generator<Violation> {
  if (job?.generation !== 0) return;
  let succeeded: string | null = null;
  for (const call of calls) {
    if (succeeded !== null && call.key !== succeeded) {
      yield {
        rule: "no step that succeeded is executed again under another key",
        detail: `${place}: succeeded as ${succeeded}, then called as ${call.key}`,
      };
    }
    if (listDecided([call]).size > 0) succeeded ??= call.key;
  }
}
