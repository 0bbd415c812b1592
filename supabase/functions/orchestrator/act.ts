// Who acts, as the audit log keeps it, and the actions that have more than one way to be taken.
import type { Actor } from "../_shared/database/actions.ts";
import type { Dispatched, DispatchRequest } from "../_shared/database/rows.ts";
import type { Rpc } from "../_shared/database/rpc.ts";
import type { Caller } from "../_shared/http/auth.ts";

export function describeActor(caller: Caller): Actor {
  return caller.kind === "operator"
    ? { kind: "operator", id: caller.userId, name: caller.email }
    : { kind: "service", id: caller.keyName ?? caller.via, name: null };
}

/** Publishes as this caller. */
export function createPublisher(
  caller: Caller,
  rpc: Pick<Rpc, "act">,
): Pick<Rpc, "publishWorkflow"> {
  const actor = describeActor(caller);
  return {
    publishWorkflow: ({ compiled, source, sourcePath, sourceEtag }) =>
      rpc.act({
        actor,
        action: "workflow.publish",
        args: { compiled, source, source_path: sourcePath, source_etag: sourceEtag },
      }),
  };
}

/** Starts the runs of these requests, in their order, and rings nobody. */
export type StartRuns = (requests: DispatchRequest[]) => Promise<Dispatched>;

/**
 * Starts runs as this caller: an app's in one call, which is as fast as can be and no action of a person's;
 * an operator's one by one, each with its audit row.
 */
export function createStarter(
  caller: Caller,
  rpc: Pick<Rpc, "act" | "dispatchWorkflows">,
): StartRuns {
  if (caller.kind === "service") {
    return (requests) => rpc.dispatchWorkflows({ requests, ring: false });
  }
  const actor = describeActor(caller);
  return async (requests) => {
    const dispatched: Dispatched = { runs: [], wake: false };
    for (const [index, request] of requests.entries()) {
      const { runs, wake } = await rpc.act({
        actor,
        action: "run.dispatch",
        args: { requests: [request], ring: false },
      });
      dispatched.runs.push({ ...runs[0], index });
      dispatched.wake ||= wake;
    }
    return dispatched;
  };
}
