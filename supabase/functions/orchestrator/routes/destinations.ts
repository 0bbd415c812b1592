// The routes of destinations: who is told of what, by Slack or webhook, what was sent to them, and what
// operators do about it. Secrets are shown once, when they are made.
import { OrchestratorError } from "../../_shared/contract/errors.ts";
import { DESTINATION_NAME } from "../../_shared/contract/notifications.ts";
import { checkInput, readJson } from "../../_shared/http/body.ts";
import type { Router } from "../../_shared/http/router.ts";
import {
  compileDeliveryWorkflow,
  DELIVERY_SOURCE,
} from "../../_shared/notify/delivery_workflow.ts";
import { createSigningSecret } from "../../_shared/notify/signature.ts";
import { findTargetFault } from "../../_shared/notify/target.ts";
import { describeActor } from "../act.ts";
import { deliveriesQuery, destinationInput, replayInput } from "../destination_input.ts";
import type { Engine } from "../engine.ts";

export function addDestinationsRoutes(router: Router, engine: Engine): void {
  addReads(router, engine);
  addChanges(router, engine);
  addDeliveryActions(router, engine);
}

function addReads(router: Router, { rpc }: Engine): void {
  router.get("/destinations", async (context) => {
    return context.json({ destinations: await rpc.listDestinations() });
  });

  router.get("/destinations/:name", async (context) => {
    const name = readName(context.req.param("name"));
    const [found] = await rpc.listDestinations({ name });
    if (found === undefined) throw refuseUnknown(name);
    return context.json(found);
  });

  router.get("/destinations/:name/deliveries", async (context) => {
    const name = readName(context.req.param("name"));
    const query = checkInput(context.req.query(), deliveriesQuery, "query");
    const deliveries = await rpc.listDeliveries({ destination: name, ...query });
    if (deliveries.length === 0 && (await rpc.listDestinations({ name })).length === 0) {
      throw refuseUnknown(name);
    }
    return context.json({
      deliveries,
      next_before: deliveries.length < query.limit ? null : deliveries.at(-1)!.delivery_id,
    });
  });
}

function addChanges(router: Router, { rpc, loadSettings }: Engine): void {
  router.put("/destinations/:name", async (context) => {
    const name = readName(context.req.param("name"));
    const settings = await loadSettings();
    const { url, kind, ...rest } = await readJson(
      context.req.raw,
      destinationInput,
      settings.requestMaxBytes,
    );
    const fault = url === undefined ? null : findTargetFault(url, kind, settings);
    if (fault !== null) {
      throw new OrchestratorError("invalid", `saving destination ${name}: url ${fault}`, {
        problems: [{ path: "url", message: fault }],
      });
    }
    await rpc.publishWorkflow({
      compiled: compileDeliveryWorkflow(settings),
      source: DELIVERY_SOURCE,
    });
    const isWebhook = kind === "webhook";
    const secret = isWebhook ? createSigningSecret() : url;
    const { result, reason } = await rpc.act({
      actor: describeActor(context.get("caller")),
      action: "destination.set",
      args: { destination: name, kind, url: isWebhook ? url! : null, secret, ...rest },
    });
    refuse(name, "saving", result, reason);
    return context.json({ name, result, ...(isWebhook && result === "created" ? { secret } : {}) });
  });

  router.delete("/destinations/:name", async (context) => {
    const name = readName(context.req.param("name"));
    const actor = describeActor(context.get("caller"));
    const { result, reason } = await rpc.act({
      actor,
      action: "destination.delete",
      args: { destination: name },
    });
    refuse(name, "deleting", result, reason);
    return context.json({ name, result });
  });

  router.post("/destinations/:name/rotate", async (context) => {
    const name = readName(context.req.param("name"));
    const secret = createSigningSecret();
    const { result, reason, ...rest } = await rpc.act({
      actor: describeActor(context.get("caller")),
      action: "destination.rotate",
      args: { destination: name, secret },
    });
    refuse(name, "rotating the secret of", result, reason);
    return context.json({ name, result, secret, ...rest });
  });
}

function addDeliveryActions(router: Router, { rpc, host, loadSettings }: Engine): void {
  router.post("/destinations/:name/enable", async (context) => {
    const name = readName(context.req.param("name"));
    const actor = describeActor(context.get("caller"));
    const { result, reason, ...rest } = await rpc.act({
      actor,
      action: "destination.enable",
      args: { destination: name },
    });
    refuse(name, "enabling", result, reason);
    return context.json({ name, result, ...rest });
  });

  router.post("/destinations/:name/test", async (context) => {
    const name = readName(context.req.param("name"));
    const actor = describeActor(context.get("caller"));
    const { result, reason, ...rest } = await rpc.act({
      actor,
      action: "destination.test",
      args: { destination: name },
    });
    refuse(name, "testing", result, reason);
    host.wakeQuietly();
    return context.json({ name, result, ...rest }, 202);
  });

  router.post("/destinations/:name/replay", async (context) => {
    const name = readName(context.req.param("name"));
    const { requestMaxBytes } = await loadSettings();
    const args = await readJson(context.req.raw, replayInput, requestMaxBytes);
    const actor = describeActor(context.get("caller"));
    const { result, reason, ...rest } = await rpc.act({
      actor,
      action: "destination.replay",
      args: { destination: name, ...args },
    });
    refuse(name, "replaying to", result, reason);
    host.wakeQuietly();
    return context.json({ name, result, ...rest }, 202);
  });
}

/** A name from the path; throws `invalid` for what cannot be one. */
function readName(param: string): string {
  if (DESTINATION_NAME.test(param)) return param;
  const message = "a destination's name has 1 to 63 small letters, digits, - and _, got " +
    JSON.stringify(param.slice(0, 100));
  throw new OrchestratorError("invalid", `reading the path: ${message}`, {
    problems: [{ path: "name", message }],
  });
}

function refuseUnknown(name: string): OrchestratorError {
  return new OrchestratorError("not_found", `there is no destination ${name}`);
}

function refuse(name: string, what: string, result: string, reason: string | undefined): void {
  if (result === "not_found") throw refuseUnknown(name);
  if (result === "conflict") {
    const message = `${what} destination ${name}: ${reason ?? "its state has changed"}`;
    throw new OrchestratorError("conflict", message);
  }
}
