// GET /hooks, GET, PUT and DELETE /hooks/:source, POST /hooks/:source/rotate: the sources of webhooks, as
// operators keep them. A secret is told once, by the answer of the request that had it made.
import { OrchestratorError, type Problem } from "../../_shared/contract/errors.ts";
import { type HookPreset, SOURCE_NAME } from "../../_shared/contract/hooks.ts";
import { listRuleProblems } from "../../_shared/hooks/rules.ts";
import {
  canMakeSecret,
  findSecretFault,
  makeSecret,
  sealSecret,
} from "../../_shared/hooks/secrets.ts";
import { readJson } from "../../_shared/http/body.ts";
import type { Router } from "../../_shared/http/router.ts";
import { describeActor } from "../act.ts";
import type { Engine } from "../engine.ts";
import { hookInput, rotationInput } from "../hook_input.ts";

export function addHooksRoutes(router: Router, { rpc, loadSettings }: Engine): void {
  router.get("/hooks", async (context) => context.json({ hooks: await rpc.listHooks() }));

  router.get("/hooks/:source", async (context) => {
    const source = readSource(context.req.param("source"));
    return context.json(await findHook(source));
  });

  router.put("/hooks/:source", async (context) => {
    const hook = readSource(context.req.param("source"));
    const { requestMaxBytes } = await loadSettings();
    const input = await readJson(context.req.raw, hookInput, requestMaxBytes);
    const problems = listRuleProblems(input);
    if (problems.length > 0) throw refuseSource(hook, problems);
    if (input.secret !== undefined) checkSecret(hook, input.secret, input.preset);
    const spare = canMakeSecret(input.preset) ? makeSecret(input.preset) : null;
    const { result, reason, took_spare, hook: saved } = await rpc.act({
      actor: describeActor(context.get("caller")),
      action: "hook.set",
      args: {
        ...input,
        hook,
        secret: await seal(input.secret ?? null, input.preset),
        spare_secret: await seal(spare, input.preset),
      },
    });
    if (result === "invalid") {
      throw refuseSource(hook, [{ path: "secret", message: reason ?? "is missing" }]);
    }
    const made = took_spare ? { secret: spare } : {};
    return context.json({ ...saved, result, ...made });
  });

  router.post("/hooks/:source/rotate", async (context) => {
    const hook = readSource(context.req.param("source"));
    const { requestMaxBytes } = await loadSettings();
    const input = await readJson(context.req.raw, rotationInput, requestMaxBytes);
    const { preset } = await findHook(hook);
    const secret = input.secret ?? (canMakeSecret(preset) ? makeSecret(preset) : null);
    if (secret === null) {
      const message = "is missing: give the new one that the sender shows";
      throw refuseSource(hook, [{ path: "secret", message }]);
    }
    checkSecret(hook, secret, preset);
    const { result, reason, previous_valid_until } = await rpc.act({
      actor: describeActor(context.get("caller")),
      action: "hook.rotate",
      args: {
        hook,
        preset,
        secret: await sealSecret(secret, preset),
        overlap_seconds: input.overlap_seconds,
      },
    });
    if (result === "not_found") throw refuseUnknownHook(hook);
    if (result === "conflict") {
      throw new OrchestratorError("conflict", `rotating the secret of ${hook}: ${reason}`);
    }
    const made = input.secret === undefined ? { secret } : {};
    return context.json({ source: hook, result, previous_valid_until, ...made });
  });

  router.delete("/hooks/:source", async (context) => {
    const hook = readSource(context.req.param("source"));
    const { result } = await rpc.act({
      actor: describeActor(context.get("caller")),
      action: "hook.delete",
      args: { hook },
    });
    if (result === "not_found") throw refuseUnknownHook(hook);
    return context.json({ source: hook, result });
  });

  async function findHook(source: string) {
    const hook = await rpc.getHook({ source });
    if (hook === null) throw refuseUnknownHook(source);
    return hook;
  }
}

async function seal(secret: string | null, preset: HookPreset): Promise<string | null> {
  return secret === null ? null : await sealSecret(secret, preset);
}

function readSource(param: string): string {
  if (SOURCE_NAME.test(param)) return param;
  const message =
    "a source's name has 1 to 63 of the characters a-z, 0-9, _ and -, and begins with " +
    `a letter or a digit, got ${JSON.stringify(param.slice(0, 100))}`;
  throw new OrchestratorError("invalid", `reading the path: ${message}`, {
    problems: [{ path: "source", message }],
  });
}

function refuseUnknownHook(source: string): OrchestratorError {
  return new OrchestratorError("not_found", `there is no source ${source}`);
}

function checkSecret(source: string, secret: string, preset: HookPreset): void {
  const message = findSecretFault(secret, preset);
  if (message !== null) throw refuseSource(source, [{ path: "secret", message }]);
}

function refuseSource(source: string, problems: Problem[]): OrchestratorError {
  const [{ path, message }] = problems;
  return new OrchestratorError("invalid", `saving the source ${source}: ${path}: ${message}`, {
    problems,
  });
}
