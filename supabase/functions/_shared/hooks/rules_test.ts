import assert from "node:assert/strict";
import { OrchestratorError } from "../contract/errors.ts";
import type { HookRules } from "../contract/hooks.ts";
import { applyRules, listRuleProblems } from "./rules.ts";

const RULES: HookRules = {
  event_type: "github.${{ headers['x-github-event'] }}",
  filter: "body.?ref.orValue('') == 'refs/heads/main'",
  user_id: "${{ body.sender.id }}",
};
const CONTENTS = {
  body: { ref: "refs/heads/main", sender: { id: 583231 } },
  headers: { "x-github-event": "push" },
  source: "github",
};

Deno.test("a delivery becomes an event of the type and user that the expressions say", () => {
  assert.deepEqual(applyRules(RULES, CONTENTS), { type: "github.push", userId: "583231" });
  const constant = { event_type: "ping", filter: null, user_id: "system" };
  assert.deepEqual(applyRules(constant, CONTENTS), { type: "ping", userId: "system" });
  const named = { ...constant, event_type: "${{ source }}" };
  assert.equal(applyRules(named, CONTENTS)?.type, "github");
});

Deno.test("a delivery that the filter does not take is no event", () => {
  assert.equal(applyRules(RULES, { ...CONTENTS, body: { ref: "refs/heads/other" } }), null);
  assert.equal(applyRules(RULES, { ...CONTENTS, body: {} }), null);
});

Deno.test("an expression that has no value for a delivery refuses it and says which one", () => {
  const cases: [rules: Partial<HookRules>, path: string, message: RegExp][] = [
    [{ filter: "body.action == 'opened'" }, "filter", /body\.action.*action/],
    [{ filter: "dyn(body.ref)" }, "filter", /must be true or false/],
    [{ user_id: "${{ body.owner.id }}" }, "user_id", /owner/],
    [{ user_id: "${{ body.sender }}" }, "user_id", /a text of 1 to 200 characters, got \{"id"/],
    [{ user_id: "${{ null }}" }, "user_id", /got null/],
    [{ event_type: "${{ '' }}" }, "event_type", /got 0 characters/],
    [{ event_type: `\${{ body.ref }}${"x".repeat(200)}` }, "event_type", /got 215 characters/],
  ];
  for (const [rules, path, message] of cases) {
    assert.throws(
      () => applyRules({ ...RULES, ...rules }, CONTENTS),
      (error: OrchestratorError) => {
        assert.equal(error.kind, "unprocessable");
        assert.equal(error.problems?.[0].path, path);
        assert.match(error.message, message);
        return true;
      },
    );
  }
});

Deno.test("expressions are checked when they are saved, each with its field and place", () => {
  assert.deepEqual(listRuleProblems(RULES), []);
  const cases: [rules: Partial<HookRules>, path: string, message: RegExp][] = [
    [{ event_type: "a.${{ bdy.x }}" }, "event_type", /unknown name "bdy".*\(at character 7\)/],
    [{ event_type: "${{ body" }, "event_type", /not closed/],
    [{ filter: "body.a = 1" }, "filter", /no valid expression/],
    [{ filter: "'text'" }, "filter", /a condition must be true or false/],
    [{ filter: "event.type == 'a'" }, "filter", /the names here are body, headers, source/],
    [{ user_id: "${{ steps.a.output }}" }, "user_id", /unknown|steps/],
  ];
  for (const [rules, path, message] of cases) {
    const problems = listRuleProblems({ ...RULES, ...rules });
    assert.deepEqual(problems.map((it) => it.path), [path], JSON.stringify(problems));
    assert.match(problems[0].message, message);
  }
  const [{ near }] = listRuleProblems({ ...RULES, filter: "header.x == 1" });
  assert.deepEqual(near, ["headers"]);
});

Deno.test("a loop variable may have the name of a hook's part", () => {
  const filter = "body.refs.exists(source, source == 'a') && [1].all(headers, headers == 1)";
  assert.deepEqual(listRuleProblems({ ...RULES, filter }), []);
  const rules = { event_type: "a", filter, user_id: "u" };
  assert.equal(applyRules(rules, { ...CONTENTS, body: { refs: ["a"] } })?.type, "a");
});
