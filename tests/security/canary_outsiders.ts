// Those outside of the project that it talks with: receivers of notifications that say what they were called
// with, senders of webhooks, and holders of trigger keys.
import assert from "node:assert/strict";
import type { HookPreset } from "../../supabase/functions/_shared/contract/hooks.ts";
import { send as sign } from "../../supabase/functions/_shared/hooks/fake_senders.ts";
import { makeSecret } from "../../supabase/functions/_shared/hooks/secrets.ts";
import { send } from "../http/http_stack.ts";
import type { CanaryStack } from "./canary_stack.ts";

export async function useDestinations(s: CanaryStack): Promise<void> {
  const token = s.plant("Slack URL", { "slack: path": "it is the address of this very channel" });
  // Both say what they know before they say no.
  s.slack.reply = ({ path }) => new Response(`no such hook ${s.slack.url}${path}`, { status: 500 });
  s.webhook.reply = ({ headers }) => Response.json(headers, { status: 400 });
  const down = s.plant("Slack URL where nobody listens");
  const types = ["run.succeeded", "run.failed", "run.cancelled", "job.dead", "approval.requested"];
  await s.must("PUT", "/destinations/chat", {
    kind: "slack",
    url: `http://${s.slack.host}/services/${token}`,
    types,
  });
  await s.must("PUT", "/destinations/down", {
    kind: "slack",
    url: `http://${s.downHost}/services/${down}`,
    types,
  });
  const told = "answer of PUT /destinations/app";
  const { secret } = await s.must("PUT", "/destinations/app", {
    kind: "webhook",
    url: s.webhook.url,
    types,
  });
  s.search.add({
    name: "webhook's signing secret",
    value: (secret as string).slice("whsec_".length),
    allowed: { [told]: "the one time that it is told" },
  });
  const rotated = await s.must("POST", "/destinations/app/rotate");
  s.search.add({
    name: "webhook's next signing secret",
    value: (rotated.secret as string).slice("whsec_".length),
    allowed: { "answer of POST /destinations/app/rotate": "the one time that it is told" },
  });
  for (const name of ["chat", "down", "app"]) await s.must("POST", `/destinations/${name}/test`);
}

export async function useHooks(s: CanaryStack): Promise<void> {
  const presets: HookPreset[] = ["standard", "github", "stripe", "slack", "hmac", "api_key"];
  const cookie = s.plant("cookie");
  const verification = s.plant("Slack's verification token");
  for (const preset of presets) {
    const settings = preset === "hmac"
      ? { header: "x-own-signature", prefix: "", signed: "{body}" }
      : preset === "api_key"
      ? { header: "x-own-credential", prefix: "Key " }
      : {};
    const scheme = { preset, settings } as Parameters<typeof sign>[0];
    const secret = preset === "standard"
      ? makeSecret(preset)
      : s.plant(`secret of ${preset}`, {}, (random) => `${random}"\\+/=%20 ${random}`);
    if (preset === "standard") s.search.add({ name: "secret of standard", value: secret.slice(6) });
    await s.must("PUT", `/hooks/${preset}`, {
      ...scheme,
      secret,
      event_type: preset === "github" ? "talk.asked" : "${{ body.kind }}",
      user_id: "hooked",
    });
    const url = `${s.stack.url}/functions/v1/orchestrator/hooks/${preset}`;
    const body = JSON.stringify({
      kind: "told",
      token: preset === "slack" ? verification : undefined,
    });
    const algorithm = preset === "hmac" ? { algorithm: "sha256", encoding: "hex" } : {};
    const signed = sign({ preset, settings: { ...settings, ...algorithm } } as typeof scheme, {
      body,
      secrets: [secret],
    });
    const headers = { ...signed.headers, cookie, "x-auth-token": cookie };
    const good = await send(url, "POST", { body, headers });
    assert.equal(good.status, 202, `${preset}: ${good.text}`);
    const bad = await send(url, "POST", {
      body: `${body} `,
      headers: { ...headers, authorization: `Bearer ${cookie}` },
    });
    assert.equal(bad.status, preset === "api_key" ? 202 : 401, bad.text);
  }
  await s.must("POST", "/hooks/github/rotate", {
    secret: s.plant("next secret of github", {}, (random) => `${random} ${random}`),
  });
}

export async function useTriggers(s: CanaryStack): Promise<void> {
  const made = await s.must("POST", "/keys", { name: "crm", workflow_keys: ["*"], user_id: "crm" });
  const key = made.key as string;
  s.search.add({
    name: "trigger key",
    value: key.split("_").slice(2).join("_"),
    allowed: { "answer of POST /keys": "the one time that it is told" },
  });
  const headers = { apikey: null, authorization: `Bearer ${key}` };
  const started = await s.ask("POST", "/triggers/talk?wait=1s", { headers, body: { payload: {} } });
  assert.ok(started.status < 300, started.text);
  await s.ask("GET", `/triggers/runs/${started.body.workflow_run_id}`, { headers });
  await s.ask("POST", "/triggers/none", { headers, body: {} });
  await s.ask("POST", "/triggers/talk", {
    headers: { ...headers, authorization: `Bearer ${key}x` },
    body: {},
  });
}
