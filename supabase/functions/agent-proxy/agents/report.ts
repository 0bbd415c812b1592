// Example agent: a report takes longer than a call may last, so it answers 202 and calls back. When
// and how is scripted by the payload (script.ts). Needs a step with `mode: async`.
import { type Agent, answerLater, fail, ok, sendHeartbeat } from "../../_shared/agent_kit/mod.ts";
import { type CallbackScript, readScript } from "../script.ts";

const DEFAULT_AFTER_MS = 100;

export const report: Agent = {
  method: "POST",
  path: "/report",
  run: (call) => {
    const { callback = {}, output } = readScript(report, call) ?? {};
    // Accepts the work and is never heard of again.
    if (callback.fail_with === "silence") {
      return answerLater({ ...call, callback: null }, () => ok(null));
    }
    return answerLater(call, async () => {
      await pass(callback, () => sendHeartbeat(call));
      if (callback.fail_with !== undefined) {
        const retryable = callback.fail_with === "not_ok_retryable";
        return fail("scripted failure of a callback", { retryable });
      }
      return ok(
        output ??
          { report: `Report for ${call.user_id ?? "nobody"}`, pages: 12 },
      );
    });
  },
};

/** Lets the scripted time pass, with signs of life on the way. */
async function pass(
  { after_ms: leftMs = DEFAULT_AFTER_MS, beat_ms }: CallbackScript,
  beat: () => Promise<boolean>,
): Promise<void> {
  for (let left = leftMs; left > 0;) {
    const stepMs = Math.min(left, beat_ms ?? left);
    await new Promise((resolve) => setTimeout(resolve, stepMs));
    left -= stepMs;
    if (left > 0 && !await beat()) return;
  }
}
