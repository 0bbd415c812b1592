// `deno task keys`: makes the keys that start public workflows from outside, lists and revokes them. A key
// is made here and only its hash is sent: it is printed once and kept nowhere.
import { parseArgs } from "node:util";
import { OrchestratorError } from "../supabase/functions/_shared/contract/errors.ts";
import type { Actor } from "../supabase/functions/_shared/database/actions.ts";
import { connect } from "../supabase/functions/_shared/database/client.ts";
import type { Rpc } from "../supabase/functions/_shared/database/rpc.ts";
import { listZodProblems } from "../supabase/functions/_shared/http/zod_problems.ts";
import { KEY_ID_PATTERN, makeTriggerKey } from "../supabase/functions/_shared/triggers/key.ts";
import {
  describeKey,
  type KeyRequest,
  keyRequest,
} from "../supabase/functions/_shared/triggers/key_request.ts";
import { findProject } from "./admin/find_project.ts";
import { formatTable } from "./terminal/table.ts";

const ACTOR: Actor = { kind: "service", id: "keys", name: null };

const HELP = `Keys with which others start workflows that say \`public: true\`.

  deno task keys make NAME --workflow KEY --user ID [options]
  deno task keys list [options]
  deno task keys revoke KEY_ID [options]

  NAME             what the key is for, for whoever looks at the list
  --workflow KEY   a workflow that it starts; again for more of them, '*' for all public ones
  --user ID        the user_id that its runs get
  --may-name-user  a request may name another user
  --rate N         requests a minute, and at most at once; 60 if not given
  --expires TIME   how long it is good for, such as 30d; 90d if not given
  --network CIDR   where requests may come from; again for more; from anywhere if not given
  --url URL        the project, such as https://ref.supabase.co   (env SUPABASE_URL)
  --key KEY        a secret key, or the service_role key
                   (env SUPABASE_SECRET_KEY or SUPABASE_SERVICE_ROLE_KEY)
  --help           this text

Without a URL and a key it is the stack that \`deno task start\` runs on this machine.
A new key is printed once. Whoever loses it gets another one.`;

const OPTIONS = {
  workflow: { type: "string", multiple: true },
  user: { type: "string" },
  "may-name-user": { type: "boolean" },
  rate: { type: "string" },
  expires: { type: "string" },
  network: { type: "string", multiple: true },
  url: { type: "string" },
  key: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>["values"];

/** What a call asks for, given the project's database. */
type Work = (rpc: Rpc) => Promise<void>;

/** Runs the command line and returns the exit code: 0, 1 after an error, 2 for a wrong call. */
export async function runCommand(args: string[]): Promise<number> {
  let call: { values: Values; work: Work | null };
  try {
    call = readCall(args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
    return 2;
  }
  if (call.work === null) {
    console.log(HELP);
    return 0;
  }
  try {
    const project = await findProject({ url: call.values.url, key: call.values.key });
    await call.work(connect(project.url, project.serviceKey).rpc);
    return 0;
  } catch (error) {
    console.error(explainError(error));
    return 1;
  }
}

function readCall(args: string[]): { values: Values; work: Work | null } {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: OPTIONS });
  if (values.help) return { values, work: null };
  const [verb = "", subject = "", ...rest] = positionals;
  const surplus = verb === "list" && subject !== "" ? subject : rest[0];
  if (surplus !== undefined) throw new Error(`unknown argument: ${surplus}`);
  if (verb === "list") return { values, work: listKeys };
  if (verb === "make") {
    const request = readRequest(subject, values);
    return { values, work: (rpc) => makeKey(request, rpc) };
  }
  if (verb === "revoke") {
    // What is no id may be a whole key, which must not be repeated.
    if (!KEY_ID_PATTERN.test(subject)) {
      throw new Error("KEY_ID must be the key_id of a key, as `keys list` shows it");
    }
    return { values, work: (rpc) => revokeKey(subject, rpc) };
  }
  throw new Error(`expected make, list or revoke, got "${verb}"`);
}

/** The names of the request's fields, as the command line has them. */
const ARGUMENTS: Record<string, string> = {
  name: "NAME",
  workflow_keys: "--workflow",
  user_id: "--user",
  rate_per_minute: "--rate",
  expires_in: "--expires",
  networks: "--network",
};

function readRequest(name: string, values: Values): KeyRequest {
  const parsed = keyRequest.safeParse({
    name,
    workflow_keys: values.workflow ?? [],
    user_id: values.user ?? "",
    may_name_user: values["may-name-user"],
    rate_per_minute: values.rate === undefined ? undefined : Number(values.rate),
    expires_in: values.expires,
    networks: values.network,
  });
  if (parsed.success) return parsed.data;
  const [{ path = "", message }] = listZodProblems(parsed.error);
  throw new Error(`${ARGUMENTS[path.split(/[[.]/)[0]]}: ${message}`);
}

async function makeKey(request: KeyRequest, rpc: Rpc): Promise<void> {
  const made = await makeTriggerKey();
  const { key } = await rpc.act({
    actor: ACTOR,
    action: "key.make",
    args: describeKey(request, made),
  });
  console.log(`made the key ${key.key_id} (${key.name}), good until ${key.expires_at}`);
  console.log(`shown only now: ${made.key}`);
  for (const workflowKey of request.workflow_keys) await warnOfClosed(workflowKey, rpc);
}

/** The holder of the key will not be told: to them a workflow that is closed is not there. */
async function warnOfClosed(workflowKey: string, rpc: Rpc): Promise<void> {
  if (workflowKey === "*") return;
  const workflow = await rpc.getWorkflow({ workflowKey });
  if (workflow === null) console.log(`there is no workflow ${workflowKey} yet`);
  else if (!workflow.compiled.public) {
    console.log(`${workflowKey} is not public: its file must say \`public: true\``);
  }
}

async function listKeys(rpc: Rpc): Promise<void> {
  const keys = (await rpc.listTriggerKeys()).map((it) => ({
    key_id: it.key_id,
    name: it.name,
    status: it.status,
    workflows: it.workflow_keys.join(", "),
    user: it.may_name_user ? `${it.user_id} or named` : it.user_id,
    per_minute: it.rate_per_minute,
    networks: it.networks?.join(", ") ?? "any",
    expires_at: it.expires_at,
    last_used_at: it.last_used_at,
  }));
  console.log(keys.length === 0 ? "there is no key yet" : formatTable(keys));
}

async function revokeKey(keyId: string, rpc: Rpc): Promise<void> {
  const { key } = await rpc.act({ actor: ACTOR, action: "key.revoke", args: { key_id: keyId } });
  if (key === undefined) throw new Error(`there is no key ${keyId}`);
  console.log(`the key ${keyId} (${key.name}) is revoked since ${key.revoked_at}`);
}

function explainError(error: unknown): string {
  if (!(error instanceof OrchestratorError)) {
    return error instanceof Error ? error.message : String(error);
  }
  if (error.kind === "unavailable") {
    return `${error.message}; check the URL, or try again in a moment`;
  }
  return `${error.message}; check that the migrations are applied (supabase db push) and that the key is ` +
    "a secret key or the service_role key of this project";
}

if (import.meta.main) Deno.exit(await runCommand(Deno.args));
