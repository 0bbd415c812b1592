// GET /keys, POST /keys, DELETE /keys/:id: the keys that start public workflows. A new key is in the
// answer that made it and nowhere else.
import { OrchestratorError } from "../../_shared/contract/errors.ts";
import { readJson } from "../../_shared/http/body.ts";
import type { Router } from "../../_shared/http/router.ts";
import { KEY_ID_PATTERN, makeTriggerKey } from "../../_shared/triggers/key.ts";
import { describeKey, keyRequest } from "../../_shared/triggers/key_request.ts";
import { describeActor } from "../act.ts";
import type { Engine } from "../engine.ts";

export function addKeysRoutes(router: Router, { rpc, loadSettings }: Engine): void {
  router.get("/keys", async (context) => context.json({ keys: await rpc.listTriggerKeys() }));

  router.post("/keys", async (context) => {
    const { requestMaxBytes } = await loadSettings();
    const request = await readJson(context.req.raw, keyRequest, requestMaxBytes);
    const made = await makeTriggerKey();
    const { key } = await rpc.act({
      actor: describeActor(context.get("caller")),
      action: "key.make",
      args: describeKey(request, made),
    });
    return context.json({ ...key, key: made.key }, 201);
  });

  router.delete("/keys/:id", async (context) => {
    const keyId = context.req.param("id");
    const { key } = KEY_ID_PATTERN.test(keyId)
      ? await rpc.act({
        actor: describeActor(context.get("caller")),
        action: "key.revoke",
        args: { key_id: keyId },
      })
      : {};
    // What is no id may be a whole key, which an error must not repeat.
    if (key === undefined) throw new OrchestratorError("not_found", "there is no such trigger key");
    return context.json(key);
  });
}
