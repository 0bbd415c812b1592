// What every function, table, view, index and constraint must be, asked of the catalogs. Each test
// gathers all breaches before it fails, so that one run tells everything.
import assert from "node:assert/strict";
import { openDatabase, type TestDatabase } from "../harness/database.ts";
import { type CatalogFunction, readFunctions, readRelations } from "./catalog.ts";
import { createRpc } from "../../supabase/functions/_shared/database/rpc.ts";

/** Functions that run with their owner's rights, each with the reason that its source must state. */
const DEFINERS = new Map([
  ["orchestrator.post_to_function", /-- Definer: .*Vault/],
  ["public.configure_orchestrator", /-- Definer: .*pg_cron/],
  ["orchestrator.keep_secret", /-- Definer: .*Vault/],
  ["orchestrator.read_secret", /-- Definer: .*Vault/],
]);

/** Schemas whose views read with their owner's rights: a read-only role sees them and no table. */
const OPEN_VIEWS = ["orchestrator_monitoring"];

/** Public functions without a method in rpc.ts, and who calls them. */
const NOT_IN_RPC = new Map([
  ["expire_leases", "the heartbeat and the worker's tick, in SQL"],
  ["expire_runs", "the heartbeat and the worker's tick, in SQL"],
  ["prune_history", "pg_cron"],
]);

/** Procedures that commit: Postgres forbids it to one that has settings. */
const COMMITTING = ["orchestrator.prune", "orchestrator.prune_definitions"];

/** What runs for every batch, dispatch or event: SQL functions are planned anew at each call. */
const HOT = [
  "orchestrator.now",
  "orchestrator.lock_runs",
  "orchestrator.create_runs",
  "orchestrator._insert_runs",
  "orchestrator._start_runs_of_events",
  "orchestrator.needs_ring",
  "orchestrator.ring",
  "orchestrator.next_due_at",
  "orchestrator._list_fronts",
  "orchestrator._fronts",
  "orchestrator._as_mark",
  "orchestrator._from_mark",
  "orchestrator._list_users_in_turn",
  "orchestrator._pick_in_turn",
  "orchestrator._places_for_ready",
  "orchestrator._pick_jobs",
  "orchestrator._queue_ready",
  "orchestrator.lease_due_jobs",
  "orchestrator.uuid_v7",
  "orchestrator._identify_request",
  "orchestrator.take_tokens_for_jobs",
  "orchestrator._lease",
  "orchestrator.settle",
  "orchestrator._settle_successes",
  "orchestrator._settle_failures",
  "orchestrator._count_items",
  "orchestrator.carry_ends",
  "orchestrator.join_status",
  "orchestrator.expand_rate_limit",
  "orchestrator.offer_events",
  "public.dispatch_workflows",
  "public.insert_event",
  "public.lease_jobs",
  "public.complete_jobs",
  "public.heartbeat_jobs",
  "public.expire_leases",
  "public.take_tokens",
];

async function withCatalog(run: (db: TestDatabase) => Promise<void>): Promise<void> {
  const db = await openDatabase();
  try {
    await run(db);
  } finally {
    await db.close();
  }
}

/** A test over all functions that no extension owns; `judge` answers what is wrong with one. */
function testFunctions(sentence: string, judge: (it: CatalogFunction) => string | null | false) {
  Deno.test(sentence, () =>
    withCatalog(async (db) => {
      const functions = await readFunctions(db.admin);
      assert.ok(functions.length > 40, `only ${functions.length} functions found`);
      assert.deepEqual(
        functions.flatMap((it) => {
          const fault = judge(it);
          return fault ? [`${it.signature}: ${fault}`] : [];
        }),
        [],
      );
    }));
}

testFunctions(
  "every function has an empty search_path",
  (it) =>
    !it.settings.includes('search_path=""') && !COMMITTING.includes(it.name) &&
    `has ${it.settings.join(", ") || "none"}`,
);

testFunctions(
  "a function that forbids sequential scans forbids JIT too: what it forbids looks dear enough to compile",
  (it) =>
    it.settings.includes("enable_seqscan=off") && !it.settings.includes("jit=off") &&
    `has ${it.settings.join(", ")}`,
);

testFunctions(
  "every function has a comment that ends as a sentence",
  (it) => !/\.$/.test(it.comment ?? "") && `its comment is ${JSON.stringify(it.comment)}`,
);

testFunctions("every argument is named with p_ in front", (it) => {
  const unnamed = it.argument_types.length - it.argument_names.length;
  const wrong = it.argument_names.filter((name) => !name.startsWith("p_"));
  return unnamed > 0 ? `${unnamed} without a name` : wrong.join(", ");
});

Deno.test("no function is granted to everybody, anon or authenticated", () =>
  withCatalog(async (db) => {
    // Asked of the catalog too: a closed schema hides such a grant until somebody opens the schema.
    const rows = await db.admin<{ fault: string }[]>`
      select p.oid::regprocedure || ' for ' || g.role as fault
      from pg_proc p
      cross join unnest(array['anon', 'authenticated']) as g (role)
      where p.pronamespace in ('public'::regnamespace, 'orchestrator'::regnamespace)
        and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
        and has_function_privilege(g.role, p.oid, 'execute')`;
    assert.deepEqual(rows.map((row) => row.fault), []);
  }));

testFunctions(
  "functions on the hot path are in plpgsql, whose plans are kept",
  (it) => HOT.includes(it.name) && it.language !== "plpgsql" && `is in ${it.language}`,
);

Deno.test("every name of the hot path is a function", () =>
  withCatalog(async (db) => {
    const names = (await readFunctions(db.admin)).map((it) => it.name);
    assert.deepEqual(HOT.filter((name) => !names.includes(name)), []);
  }));

Deno.test("only the allowed functions run as their owner, and their source says why", async () => {
  const found = new Map<string, string>();
  const folder = new URL("../../supabase/migrations/", import.meta.url);
  const texts = await Promise.all(
    [...Deno.readDirSync(folder)].map((entry) => Deno.readTextFile(new URL(entry.name, folder))),
  );
  await withCatalog(async (db) => {
    for (const it of await readFunctions(db.admin)) {
      if (it.is_definer) found.set(it.name, it.signature);
    }
  });
  assert.deepEqual([...found.keys()].sort(), [...DEFINERS.keys()].sort());
  for (const [name, reason] of DEFINERS) {
    const statement = texts.join("\n").split("create function ")
      .find((text) => text.startsWith(`${name}(`));
    assert.match(statement?.split("as $$")[0] ?? "", reason, name);
  }
});

Deno.test("every public function has a method in rpc.ts or a reason to have none, and every method a function", () =>
  withCatalog(async (db) => {
    const called: string[] = [];
    const rpc = createRpc({
      callFunction: (name) => {
        called.push(name);
        return Promise.resolve(null);
      },
    });
    for (const [method, call] of Object.entries(rpc)) {
      // The answer is none that the method expects; only the name that it asked for counts here.
      await (call as (args: { results: [] }) => Promise<unknown>)({ results: [] }).catch(() => {});
      const name = method.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      assert.equal(called.at(-1), name, `the method ${method} calls another name`);
    }
    const offered = (await readFunctions(db.admin))
      .filter((it) => it.schema === "public" && !it.is_trigger)
      .map((it) => it.bare_name);
    assert.deepEqual(
      [...called, ...NOT_IN_RPC.keys()].sort(),
      [...new Set(offered)].sort(),
      "rpc.ts and the reasons for absence (left), the functions of public (right)",
    );
  }));

Deno.test("no public function is overloaded: the Data API could not tell which one is meant", () =>
  withCatalog(async (db) => {
    const names = (await readFunctions(db.admin)).map((it) => it.name);
    assert.deepEqual(names.filter((name, at) => names.indexOf(name) !== at), []);
  }));

Deno.test("every table and view has a comment", () =>
  withCatalog(async (db) => {
    const relations = await readRelations(db.admin);
    assert.ok(relations.length > 15, `only ${relations.length} relations found`);
    assert.deepEqual(
      relations.filter((it) => !/\.$/.test(it.comment ?? "")).map((it) => it.name),
      [],
    );
  }));

Deno.test("every table has row level security and nothing but refusing policies", () =>
  withCatalog(async (db) => {
    const rows = await db.admin<{ name: string; has_rls: boolean; refuses: boolean | null }[]>`
      select c.oid::regclass::text as name, c.relrowsecurity as has_rls,
             bool_and(
               p.polcmd = '*' and p.polroles::regrole[]::text = '{anon,authenticated}'
               and pg_get_expr(p.polqual, c.oid) = 'false'
               and pg_get_expr(p.polwithcheck, c.oid) = 'false'
             ) as refuses
      from pg_class c left join pg_policy p on p.polrelid = c.oid
      where c.relnamespace in ('public'::regnamespace, 'orchestrator'::regnamespace)
        and c.relkind in ('r', 'p')
      group by c.oid order by 1`;
    assert.deepEqual(
      rows.filter((row) => !row.has_rls || row.refuses !== true).map((row) => row.name),
      [],
    );
  }));

Deno.test("every view reads with its caller's rights, but for those that a read-only role sees", () =>
  withCatalog(async (db) => {
    const views = (await readRelations(db.admin)).filter((it) => it.kind === "view");
    const closed = views.filter((it) => !OPEN_VIEWS.includes(it.name.split(".")[0]));
    assert.ok(closed.length < views.length, "no view of the read-only role was found");
    assert.deepEqual(
      closed.filter((it) => !it.options.includes("security_invoker=true")).map((it) => it.name),
      [],
    );
  }));

Deno.test("every foreign key has an index that begins with its columns", () =>
  withCatalog(async (db) => {
    const rows = await db.admin<{ name: string }[]>`
      select k.conname as name
      from pg_constraint k
      where k.contype = 'f'
        and k.connamespace in ('public'::regnamespace, 'orchestrator'::regnamespace)
        and not exists (
          select from pg_index i
          where i.indrelid = k.conrelid and i.indpred is null
            and (i.indkey::int2[])[0 : cardinality(k.conkey) - 1] @> k.conkey
        )`;
    assert.deepEqual(rows.map((row) => row.name), []);
  }));

Deno.test("no index does what another one does already", () =>
  withCatalog(async (db) => {
    const rows = await db.admin<{ pair: string }[]>`
      with index as (
        select i.indexrelid, i.indrelid, i.indisunique, c.relam,
               (i.indkey::int2[])[0 : i.indnkeyatts - 1]::text as keys,
               i.indclass::text as classes, i.indoption::text as options,
               coalesce(pg_get_expr(i.indexprs, i.indrelid), '') as expressions,
               coalesce(pg_get_expr(i.indpred, i.indrelid), '') as predicate
        from pg_index i join pg_class c on c.oid = i.indexrelid
        where c.relnamespace in ('public'::regnamespace, 'orchestrator'::regnamespace)
      )
      select a.indexrelid::regclass || ' is covered by ' || b.indexrelid::regclass as pair
      from index a
      join index b on b.indrelid = a.indrelid and b.indexrelid <> a.indexrelid
        and b.relam = a.relam and b.predicate = a.predicate and b.expressions = a.expressions
        and (
          b.keys = a.keys or trim(trailing '}' from b.keys) like trim(trailing '}' from a.keys) || ',%'
        )
        and (b.classes || ' ') like a.classes || ' %' and (b.options || ' ') like a.options || ' %'
      -- A unique index promises what a longer one does not.
      where not a.indisunique or (b.keys = a.keys and b.indisunique and b.indexrelid < a.indexrelid)`;
    assert.deepEqual(rows.map((row) => row.pair), []);
  }));

Deno.test("every check and unique constraint has a name that somebody thought of", () =>
  withCatalog(async (db) => {
    // Postgres names what is left unnamed table_column_check and table_column_key.
    const rows = await db.admin<{ name: string }[]>`
      select c.relname || ': ' || k.conname as name
      from pg_constraint k join pg_class c on c.oid = k.conrelid
      where k.connamespace in ('public'::regnamespace, 'orchestrator'::regnamespace)
        and k.contype in ('c', 'u', 'x')
        and k.conname ~ ('^' || c.relname || '_.*(check|key|excl)[0-9]*$')`;
    assert.deepEqual(rows.map((row) => row.name), []);
  }));
