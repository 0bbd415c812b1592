// The RPC seam over the simulation's own database: functions are called by named arguments, as the
// Data API does.
import type { PGlite } from "@electric-sql/pglite";
import { translateFailure } from "../../supabase/functions/_shared/database/errors.ts";
import type { Transport } from "../../supabase/functions/_shared/database/transport.ts";

/** Builds the transport; failures are told as the hosted one tells them. */
export function createLocalTransport(db: PGlite): Transport {
  const types = new Map<string, Record<string, string>>();
  return {
    async callFunction(name, args) {
      try {
        const known = types.get(name) ?? await readTypes(db, name);
        types.set(name, known);
        return await callByName(db, name, args, known);
      } catch (error) {
        const { code, message } = error as { code?: string; message: string };
        throw translateFailure(`calling ${name}`, { status: 500, code: code ?? "", message });
      }
    },
  };
}

async function readTypes(db: PGlite, name: string): Promise<Record<string, string>> {
  const { rows } = await db.query<{ name: string; type: string }>(
    `select unnest(p.proargnames[1 : p.pronargs]) as name, unnest(p.proargtypes)::regtype::text as type
     from pg_proc p where p.pronamespace = 'public'::regnamespace and p.proname = $1`,
    [name],
  );
  return Object.fromEntries(rows.map((row) => [row.name, row.type]));
}

async function callByName(
  db: PGlite,
  name: string,
  args: Record<string, unknown>,
  types: Record<string, string>,
): Promise<unknown> {
  const names = Object.keys(args);
  const list = names.map((it, at) => `${it} => $${at + 1}::text::${types[it] ?? "text"}`);
  const values = names.map((it) => {
    const value = args[it];
    const isText = value === null || typeof value === "string" && types[it] !== "jsonb";
    return isText ? value : JSON.stringify(value);
  });
  const { rows } = await db.query<{ answer: string | null }>(
    `select public.${name}(${list.join(", ")})::text as answer`,
    values,
  );
  const answer = rows[0].answer;
  return answer === null ? null : JSON.parse(answer);
}
