// Trigger, schedules in virtual time: each slot fires once, whatever the clocks, zones and outages do;
// and a workflow file is live when it is in the bucket.
import assert from "node:assert/strict";
import { createClient } from "@supabase/supabase-js";
import { fireDue } from "../../supabase/functions/cron-orchestrator/fire_due.ts";
import { openDatabase, type TestDatabase } from "../harness/database.ts";
import { chain, publish, writeWorkflow } from "../harness/definition.ts";
import { openStack, waitFor } from "../harness/stack.ts";

const GRACE_MS = 300_000;
const MINUTE_MS = 60_000;

async function withDatabase(run: (db: TestDatabase) => Promise<void>): Promise<void> {
  const db = await openDatabase();
  try {
    await run(db);
  } finally {
    await db.close();
  }
}

const schedule = (cron: string, more: Record<string, unknown> = {}) => ({
  type: "cron",
  cron,
  ...more,
});

const tick = (db: Pick<TestDatabase, "rpc">) => fireDue(db.rpc, GRACE_MS);

/** Ticks every `stepMs` from one instant to another. */
async function tickThrough(db: TestDatabase, from: string, to: string, stepMs: number) {
  for (let at = Date.parse(from); at <= Date.parse(to); at += stepMs) {
    await db.setClock(new Date(at));
    await tick(db);
  }
}

/** The slots that have fired, oldest first. */
const listSlots = async (db: TestDatabase, key: string, user = "system"): Promise<string[]> =>
  (await db.admin`
    select payload ->> 'scheduled_for' as slot from workflow_runs
    where workflow_key = ${key} and user_id = ${user} and trigger_type = 'cron' order by 1`)
    .map(({ slot }) => new Date(slot).toISOString());

/** The day and time of an instant on the clocks of a zone. */
const readClock = (zone: string) => (slot: string) =>
  new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "short" })
    .format(new Date(slot));

// 02:30 does not exist on the day of spring: it fires when the clocks jump. In autumn it comes twice in
// Berlin, and 01:30 twice in New York: the first one counts.
const CHANGES = [
  {
    zone: "Europe/Berlin",
    from: "2026-03-28T00:00:00Z",
    to: "2026-03-30T22:00:00Z",
    fires: {
      "30 1 * * *": ["2026-03-28 01:30", "2026-03-29 01:30", "2026-03-30 01:30"],
      "30 2 * * *": ["2026-03-28 02:30", "2026-03-29 03:00", "2026-03-30 02:30"],
    },
  },
  {
    zone: "Europe/Berlin",
    from: "2026-10-24T00:00:00Z",
    to: "2026-10-26T22:00:00Z",
    fires: {
      "30 1 * * *": ["2026-10-25 01:30", "2026-10-26 01:30"],
      "30 2 * * *": ["2026-10-24 02:30", "2026-10-25 02:30", "2026-10-26 02:30"],
    },
  },
  {
    zone: "America/New_York",
    from: "2026-03-07T05:00:00Z",
    to: "2026-03-10T03:00:00Z",
    fires: {
      "30 1 * * *": ["2026-03-07 01:30", "2026-03-08 01:30", "2026-03-09 01:30"],
      "30 2 * * *": ["2026-03-07 02:30", "2026-03-08 03:00", "2026-03-09 02:30"],
    },
  },
  {
    zone: "America/New_York",
    from: "2026-10-31T04:00:00Z",
    to: "2026-11-03T04:00:00Z",
    fires: {
      "30 1 * * *": ["2026-10-31 01:30", "2026-11-01 01:30", "2026-11-02 01:30"],
      "30 2 * * *": ["2026-10-31 02:30", "2026-11-01 02:30", "2026-11-02 02:30"],
    },
  },
];

for (const { zone, from, to, fires } of CHANGES) {
  const month = new Date(from).toLocaleString("en", { month: "long", timeZone: "UTC" });
  Deno.test(`when the clocks of ${zone} change in ${month}, 01:30 and 02:30 fire once a day`, () =>
    withDatabase(async (db) => {
      for (const [at, cron] of Object.keys(fires).entries()) {
        const trigger = schedule(cron, { timezone: zone });
        await publish(db.rpc, writeWorkflow(`nightly${at}`, chain(1), trigger));
      }
      await tickThrough(db, from, to, 15 * MINUTE_MS);
      for (const [at, expected] of Object.values(fires).entries()) {
        const slots = await listSlots(db, `nightly${at}`);
        assert.deepEqual(slots.map(readClock(zone)), expected);
      }
    }));
}

Deno.test("after an outage catch_up none starts nothing, last the latest slot, all every slot", () =>
  withDatabase(async (db) => {
    for (const policy of ["none", "last", "all"]) {
      const trigger = schedule("0 7 * * *", { catch_up: policy });
      await publish(db.rpc, writeWorkflow(`up_${policy}`, chain(1), trigger));
    }
    await db.setClock("2026-05-01T06:00:00Z");
    await tick(db);
    await db.setClock("2026-05-04T12:00:00Z");
    await tick(db);
    await tick(db);
    assert.deepEqual(await listSlots(db, "up_none"), []);
    assert.deepEqual(await listSlots(db, "up_last"), ["2026-05-04T07:00:00.000Z"]);
    assert.deepEqual(await listSlots(db, "up_all"), [
      "2026-05-01T07:00:00.000Z",
      "2026-05-02T07:00:00.000Z",
      "2026-05-03T07:00:00.000Z",
      "2026-05-04T07:00:00.000Z",
    ]);
    await db.setClock("2026-05-05T07:00:30Z");
    await tick(db);
    for (const policy of ["none", "last", "all"]) {
      const slots = await listSlots(db, `up_${policy}`);
      assert.equal(slots.at(-1), "2026-05-05T07:00:00.000Z", `${policy} goes on as planned`);
    }
  }));

Deno.test("subscribers start at seven on their own clocks, and the workflow's own schedule is silent", () =>
  withDatabase(async (db) => {
    const trigger = schedule("0 7 * * *", { timezone: "user" });
    await publish(db.rpc, writeWorkflow("morning", chain(1), trigger));
    await db.setClock("2026-07-01T06:00:00Z");
    await tick(db);
    await db.setClock("2026-07-01T07:00:00Z");
    await tick(db);
    assert.equal((await listSlots(db, "morning")).length, 1, "without subscribers it fires itself");

    const zones = { tokyo: "Asia/Tokyo", berlin: "Europe/Berlin", york: "America/New_York" };
    for (const [userId, timezone] of Object.entries(zones)) {
      const payload = { lives_in: timezone };
      await db.rpc.subscribeSchedule({ workflowKey: "morning", userId, timezone, payload });
    }
    await db.rpc.subscribeSchedule({ workflowKey: "morning", userId: "nowhere" });
    await tickThrough(db, "2026-07-01T12:00:00Z", "2026-07-02T12:00:00Z", 30 * MINUTE_MS);
    assert.deepEqual(await listSlots(db, "morning", "tokyo"), ["2026-07-01T22:00:00.000Z"]);
    assert.deepEqual(await listSlots(db, "morning", "berlin"), ["2026-07-02T05:00:00.000Z"]);
    assert.deepEqual(await listSlots(db, "morning", "nowhere"), ["2026-07-02T07:00:00.000Z"]);
    assert.deepEqual(await listSlots(db, "morning", "york"), ["2026-07-02T11:00:00.000Z"]);
    assert.equal((await listSlots(db, "morning")).length, 1, "its own schedule was silent");
    const [{ payload }] = await db.admin`
      select payload from workflow_runs where user_id = 'tokyo'`;
    assert.equal(payload.lives_in, "Asia/Tokyo");
  }));

Deno.test("publishing a workflow anew with its trigger unchanged skips no slot; a changed one is planned anew", () =>
  withDatabase(async (db) => {
    const seven = schedule("0 7 * * *");
    await publish(db.rpc, writeWorkflow("kept", chain(1), seven));
    await publish(db.rpc, writeWorkflow("moved", chain(1), seven));
    await db.setClock("2026-05-01T06:00:00Z");
    await tick(db);
    await db.setClock("2026-05-01T07:00:20Z");
    // The slot is due and not fired yet.
    await publish(db.rpc, writeWorkflow("kept", chain(2), seven));
    await publish(db.rpc, writeWorkflow("moved", chain(1), schedule("0 9 * * *")));
    await tick(db);
    assert.deepEqual(await listSlots(db, "kept"), ["2026-05-01T07:00:00.000Z"]);
    assert.deepEqual(await listSlots(db, "moved"), []);
    await db.setClock("2026-05-01T09:00:20Z");
    await tick(db);
    assert.deepEqual(await listSlots(db, "moved"), ["2026-05-01T09:00:00.000Z"]);
  }));

Deno.test("a slot whose ticker died is fired by another one a minute later, and the first one's late call fires nothing", () =>
  withDatabase(async (db) => {
    await publish(db.rpc, writeWorkflow("daily", chain(1), schedule("0 7 * * *")));
    await db.setClock("2026-05-01T06:00:00Z");
    await tick(db);
    await db.setClock("2026-05-01T07:00:00Z");
    const { schedules: [claimed] } = await db.rpc.claimDueSchedules({ limit: 10 });
    assert.deepEqual(await tick(db), { fired: 0, runs: 0 }, "the claim holds");
    await db
      .admin`update workflow_schedules set claimed_until = claimed_until - interval '1 minute'`;
    assert.deepEqual(await tick(db), { fired: 1, runs: 1 });
    const late = await db.rpc.fireSchedules({
      schedules: [{
        schedule_id: claimed.schedule_id,
        claim_token: claimed.claim_token,
        slots: ["2026-05-01T07:00:00Z"],
        next_run_at: "2026-05-02T07:00:00Z",
      }],
    });
    assert.deepEqual([late.fired, late.runs], [0, 0]);
    assert.equal((await listSlots(db, "daily")).length, 1);
  }));

// --- through HTTP, on the local stack

const s = await openStack({ loops: { cron: false } });
Deno.test.afterAll(() => s.close());
const bucket = createClient(s.stack.url, s.stack.keys.secret, {
  auth: { persistSession: false, autoRefreshToken: false },
}).storage.from("workflows");

const readHealth = async () => (await s.get("orchestrator/health")).body;

/** What pg_cron does every minute, until the registry is as expected. */
async function tickUntil(what: string, isReached: () => Promise<boolean>): Promise<void> {
  const [{ called }] = await s.db.admin`select orchestrator.tick_cron() as called`;
  assert.equal(called, true, "the tick saw that something changed");
  await waitFor(what, isReached, () => s.stack.logs("cron-orchestrator").slice(-2_000));
}

async function upload(file: string, text: string): Promise<void> {
  const { error } = await bucket.upload(file, new Blob([text], { type: "application/yaml" }), {
    upsert: true,
  });
  assert.equal(error, null);
}

interface Published {
  version: number;
  description: string;
}

const findWorkflow = async (key: string): Promise<Partial<Published> | undefined> => {
  const { status, body } = await s.get(`orchestrator/workflows/${key}`);
  return status === 200 ? body : undefined;
};

const YAML = `key: uploaded
description: the first
trigger:
  type: manual
steps:
  - id: only
    call: "/functions/v1/agent-proxy/noop"
`;

Deno.test("each slot of 20 schedules fires once although three tickers come at the same time", async () => {
  const keys = Array.from({ length: 20 }, (_, at) => `often${at}`);
  for (const key of keys) await s.publish(key, chain(1), schedule("*/10 * * * *"));
  for (let turn = 0; turn <= 5; turn++) {
    await s.db.setClock(new Date(Date.UTC(2026, 4, 1, 8, 10 * turn, turn === 0 ? -30 : 5)));
    const tickers = Array.from({ length: 3 }, () => s.post("cron-orchestrator"));
    const answers = await Promise.all(tickers);
    assert.ok(answers.every(({ status }) => status === 200), JSON.stringify(answers));
    const fired = answers.reduce((sum, { body }) => sum + Number(body.runs), 0);
    assert.equal(fired, turn === 0 ? 0 : keys.length);
  }
  const expected = [10, 20, 30, 40, 50].map((minute) => `2026-05-01T08:${minute}:00.000Z`);
  for (const key of keys) assert.deepEqual(await listSlots(s.db, key), expected);
});

Deno.test("a workflow file that is uploaded by any client is live with the next tick", async () => {
  await upload("uploaded.yml", YAML);
  await tickUntil("it to be live", async () => await findWorkflow("uploaded") !== undefined);
  const { status } = await s.post("orchestrator/dispatch", {
    user_id: "u",
    workflow_key: "uploaded",
  });
  assert.equal(status, 202);
  await upload("uploaded.yml", YAML.replace("the first", "the second"));
  await tickUntil(
    "the second version",
    async () => (await findWorkflow("uploaded"))?.description === "the second",
  );
});

Deno.test("an invalid upload leaves the published version in place and shows in health", async () => {
  const before = await findWorkflow("uploaded");
  await upload("uploaded.yml", YAML.replace("call:", "cal:"));
  const readWarnings = async () =>
    ((await readHealth()).warnings as string[]).filter((text) => text.includes("uploaded.yml"));
  await tickUntil("the warning", async () => (await readWarnings()).length > 0);
  assert.match((await readWarnings())[0], /uploaded\.yml was refused.*cal/);
  const { version, description } = await findWorkflow("uploaded") ?? {};
  assert.deepEqual([version, description], [before?.version, "the second"]);
  await upload("uploaded.yml", YAML.replace("the first", "the third"));
  await tickUntil(
    "the third version",
    async () => (await findWorkflow("uploaded"))?.description === "the third",
  );
  assert.deepEqual(await readWarnings(), []);
});

Deno.test("a workflow whose file is removed is archived: it starts no more", async () => {
  const { error } = await bucket.remove(["uploaded.yml"]);
  assert.equal(error, null);
  const dispatch = () =>
    s.post("orchestrator/dispatch", { user_id: "u", workflow_key: "uploaded" });
  await tickUntil("its end", async () => (await dispatch()).status === 404);
});
