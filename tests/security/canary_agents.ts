// Agents that give away whatever they know: in outputs, in errors, at once and later, plain and encoded.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type Json, send } from "../http/http_stack.ts";
import type { CanaryStack } from "./canary_stack.ts";

/** What agents say of the call that they got, each in its own way. */
const TALKS: Record<string, (headers: Record<string, string>, body: Json) => Response> = {
  output: (headers, body) => Response.json({ ok: true, output: { headers, body } }),
  large: (headers) => Response.json({ ok: true, output: [headers, "x".repeat(300_000), headers] }),
  bare: (headers) => Response.json({ ok: true, ...headers }),
  keys: (headers) =>
    Response.json({ ok: true, output: { [headers.apikey]: { [headers.authorization]: 1 } } }),
  encoded: (headers) => {
    const bytes = Buffer.from(JSON.stringify(headers));
    return Response.json({
      ok: true,
      output: {
        base64: bytes.toString("base64"),
        hex: bytes.toString("hex"),
        query: `${new URLSearchParams(headers)}`,
      },
    });
  },
  error: (headers, body) =>
    Response.json({ ok: false, error: `bad: ${JSON.stringify([headers, body])}` }),
  message: (headers) =>
    Response.json({ error: { message: headers.authorization } }, { status: 400 }),
  retry: (headers) =>
    Response.json({
      ok: false,
      retryable: true,
      error: headers.authorization.slice("Bearer ".length),
    }),
  status: (headers) => new Response(`${headers.apikey} ${headers.authorization}`, { status: 401 }),
  html: (headers) =>
    new Response(`<p>${"x".repeat(150)}${headers.authorization} ${headers.apikey}</p>`),
  redirect: (headers) =>
    new Response(null, {
      status: 302,
      headers: {
        location: `https://example.com/?k=${headers.apikey}&a=${
          encodeURIComponent(headers.authorization)
        }`,
      },
    }),
  busy: (headers) =>
    new Response(headers.authorization, { status: 503, headers: { "retry-after": "900" } }),
};

/** Agents that answer later and give away the credential of their answer. */
const LATER: Record<string, (callbackUrl: string) => unknown> = {
  later_output: (url) => ({ ok: true, output: { told: url } }),
  later_error: (url) => ({ ok: false, error: `posting to ${url}` }),
  later_garbage: (url) => `no JSON ${url}`,
};

export async function setUpAgents(s: CanaryStack): Promise<void> {
  const headersOf = (headers: Headers) => Object.fromEntries(headers);
  for (const [name, talk] of Object.entries(TALKS)) {
    s.agents.answer(`own/${name}`, ({ headers, body }) => talk(headersOf(headers), body as Json));
  }
  for (const name of Object.keys(LATER)) {
    s.agents.answer(`own/${name}`, ({ body }) => {
      const { callback_url } = body as { callback_url: string };
      s.search.add({ name: `callback token of ${name}`, value: callback_url.split(".").at(-1)! });
      return Response.json({ ok: true, output: callback_url }, { status: 202 });
    });
  }
  const step = (id: string) => ({ id, call: `/functions/v1/own/${id}`, timeout_ms: 5_000 });
  const workflows = [
    {
      key: "talk",
      public: true,
      inputs: { type: "object" },
      trigger: { type: "event", event_types: ["talk.asked"] },
      steps: [
        ...Object.keys(TALKS).map((id) => ({ ...step(id), retry: { max_attempts: 2 } })),
        ...Object.keys(LATER).map((id) => ({ ...step(id), mode: "async" })),
        { id: "kit", call: "/functions/v1/agent-proxy/echo", mode: "async" },
        { id: "ask", wait: { event: "talk.approved" } },
        {
          id: "expression",
          call: "/functions/v1/own/output",
          with: { all: "${{ inputs.headers.nothing }}" },
        },
      ],
    },
    {
      key: "fine",
      trigger: { type: "manual" },
      steps: [{ id: "only", call: "/functions/v1/agent-proxy/echo" }],
    },
  ];
  for (const workflow of workflows) {
    await s.must("POST", "/workflows", { source: JSON.stringify(workflow) });
  }
}

/** Posts what the agents answer late, and once more with a token that was cut. */
export async function callBack(s: CanaryStack): Promise<void> {
  for (const [name, answer] of Object.entries(LATER)) {
    const calls = s.agents.calls.filter(({ path }) => path === `/functions/v1/own/${name}`);
    assert.ok(calls.length > 0, `${name} was called`);
    for (const { body } of calls) {
      const { callback_url } = body as { callback_url: string };
      const url = callback_url.replace(s.agents.url, s.stack.url);
      const text = answer(callback_url);
      const options = { body: typeof text === "string" ? text : JSON.stringify(text) };
      await send(`${url}/heartbeat`, "POST", { body: "" });
      for (const target of [`${url}x`, url, url]) await send(target, "POST", options);
    }
  }
}
