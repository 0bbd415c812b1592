// What the tests of triggers share: public workflows, keys for them, and requests with a key alone.
import assert from "node:assert/strict";
import {
  type Answer,
  type AskOptions,
  type HttpStack,
  type Json,
  send,
} from "../http/http_stack.ts";

export interface Key {
  key_id: string;
  /** The whole. */
  key: string;
}

export const SCHEMA: Json = {
  type: "object",
  required: ["lead_id"],
  additionalProperties: false,
  properties: {
    lead_id: { type: "string" },
    score: { type: "integer", minimum: 0 },
    tags: { type: "array", items: { type: "string" } },
  },
};

export interface Caller {
  /** Publishes a workflow of one call; public and with inputs unless told otherwise. */
  publish(key: string, more?: Json, path?: string): Promise<void>;
  makeKey(more?: Json): Promise<Key>;
  start(key: Key, workflowKey: string, options?: AskOptions & { query?: string }): Promise<Answer>;
  look(key: Key, runId: unknown): Promise<Answer>;
}

export function createCaller(it: HttpStack): Caller {
  const url = `${it.stack.url}/functions/v1/orchestrator/triggers`;
  const bearer = ({ key }: Key) => ({ authorization: `Bearer ${key}` });
  return {
    publish: async (key, more = {}, path = "agent-proxy/echo") => {
      const source = JSON.stringify({
        key,
        public: true,
        inputs: SCHEMA,
        trigger: { type: "manual" },
        steps: [{ id: "say", call: `/functions/v1/${path}`, with: { got: "${{ inputs }}" } }],
        ...more,
      });
      const answer = await it.ask("POST", "/orchestrator/workflows", { body: { source } });
      assert.equal(answer.status, 201, answer.text);
    },
    makeKey: async (more = {}) => {
      const body = { name: "crm", workflow_keys: ["*"], user_id: "crm", ...more };
      const answer = await it.ask("POST", "/orchestrator/keys", { body });
      assert.equal(answer.status, 201, answer.text);
      return answer.body as unknown as Key;
    },
    start: (key, workflowKey, { query = "", headers, ...options } = {}) =>
      send(`${url}/${workflowKey}${query}`, "POST", {
        body: { payload: { lead_id: "l-1" } },
        ...options,
        headers: { ...bearer(key), ...headers },
      }),
    look: (key, runId) => send(`${url}/runs/${runId}`, "GET", { headers: bearer(key) }),
  };
}
