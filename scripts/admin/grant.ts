// `deno task admin:grant`: gives somebody a role in the dashboard, makes the account where there is none,
// and takes roles away. With the secret key, so that the first operator can be made.
import { parseArgs } from "node:util";
import {
  OPERATOR_ROLES,
  type OperatorRole,
} from "../../supabase/functions/_shared/contract/dashboard.ts";
import { OrchestratorError } from "../../supabase/functions/_shared/contract/errors.ts";
import type { Actor } from "../../supabase/functions/_shared/database/actions.ts";
import { connect } from "../../supabase/functions/_shared/database/client.ts";
import type { Rpc } from "../../supabase/functions/_shared/database/rpc.ts";
import type { GrantedOperator } from "../../supabase/functions/_shared/database/rows.ts";
import { formatTable } from "../terminal/table.ts";
import { createAccount, findAccount, openAccounts } from "./accounts.ts";
import { findProject, type Project } from "./find_project.ts";

export interface GrantOptions extends Project {
  email: string;
  role: OperatorRole | "none";
  /** Of an account that has to be made; a random one if not given. */
  password?: string;
  onProgress: (line: string) => void;
}

const ACTOR: Actor = { kind: "service", id: "admin:grant", name: null };

const HELP = `Gives somebody a role in the dashboard: a viewer looks, an operator also acts.

  deno task admin:grant EMAIL ROLE [options]
  deno task admin:grant --list [options]

  ROLE        viewer, operator, or none to take the role away
  --list      show who has a role
  --url URL   the project, such as https://ref.supabase.co   (env SUPABASE_URL)
  --key KEY   a secret key, or the service_role key
              (env SUPABASE_SECRET_KEY or SUPABASE_SERVICE_ROLE_KEY)
  --help      this text

Without a URL and a key it is the stack that \`deno task start\` runs on this machine.
Who has no account gets one, with the password of the environment's ADMIN_PASSWORD or else a random
one, which is shown once.`;

/** Gives or takes the role; tells what it did line by line. */
export async function grantRole(options: GrantOptions): Promise<void> {
  const { url, serviceKey, role, password, onProgress } = options;
  const email = options.email.toLowerCase();
  const { rpc } = connect(url, serviceKey);
  // Before an account is made: this also finds a wrong key and missing migrations.
  const operators = await readOperators(rpc, url);
  const accounts = openAccounts(url, serviceKey);
  let user = await findAccount(accounts, email);
  if (role === "none") {
    const id = user?.id ??
      operators.find((it) => it.email.toLowerCase() === email)?.user_id;
    return await revokeRole(
      rpc,
      email,
      operators.find((it) => it.user_id === id),
      onProgress,
    );
  }
  if (user === undefined) {
    user = await createAccount(accounts, email, password, onProgress);
  } else {
    if (password !== undefined) {
      onProgress(`${email} has an account: ADMIN_PASSWORD was not used`);
    }
    if (!user.email_confirmed_at) {
      onProgress(
        `${email} has not confirmed the address and cannot sign in before that`,
      );
    }
  }
  const { id } = user;
  const before = operators.find((it) => it.user_id === id);
  if (before?.role === role && before.email === email) {
    return onProgress(`${email} is ${role} already`);
  }
  const args = { user_id: id, email, role };
  const { result, reason } = await rpc.act({
    actor: ACTOR,
    action: "operator.grant",
    args,
  });
  if (result !== "granted") {
    throw new Error(`cannot make ${email} ${role}: ${reason ?? result}`);
  }
  onProgress(
    `${email} is ${role} now${before === undefined ? "" : ` (was ${before.role})`}`,
  );
}

async function revokeRole(
  rpc: Rpc,
  email: string,
  operator: GrantedOperator | undefined,
  onProgress: (line: string) => void,
): Promise<void> {
  if (operator === undefined) return onProgress(`${email} has no role`);
  const args = { user_id: operator.user_id };
  await rpc.act({ actor: ACTOR, action: "operator.revoke", args });
  onProgress(`${email} has no role any more (was ${operator.role})`);
}

async function readOperators(
  rpc: Rpc,
  url: string,
): Promise<GrantedOperator[]> {
  try {
    return await rpc.listOperators();
  } catch (cause) {
    if (!(cause instanceof OrchestratorError)) throw cause;
    if (cause.kind === "unavailable") {
      throw new Error(`cannot reach the project at ${url}`, { cause });
    }
    throw new Error(
      "cannot read who has a role; check that the migrations are applied (supabase db push) and that " +
        "the key is a secret key or the service_role key of this project",
      { cause },
    );
  }
}

/** Runs the command line and returns the exit code: 0, 1 after an error, 2 for a wrong call. */
export async function runCommand(args: string[]): Promise<number> {
  let call: ReturnType<typeof readCall>;
  try {
    call = readCall(args);
  } catch (error) {
    console.error(
      `${error instanceof Error ? error.message : error}\n\n${HELP}`,
    );
    return 2;
  }
  const { values, email, role } = call;
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  try {
    const project = await findProject({ url: values.url, key: values.key });
    if (values.list) return await listOperators(project);
    const given = Deno.env.get("ADMIN_PASSWORD") ?? "";
    const password = given === "" ? undefined : given;
    await grantRole({
      ...project,
      email,
      role,
      password,
      onProgress: (line) => console.log(line),
    });
    return 0;
  } catch (error) {
    console.error(describeError(error));
    return 1;
  }
}

function readCall(args: string[]) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      list: { type: "boolean" },
      url: { type: "string" },
      key: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  const [email = "", role = "", ...rest] = positionals;
  if (!values.help && !values.list) {
    if (!email.includes("@")) {
      throw new Error(`EMAIL must be an address, got "${email}"`);
    }
    if (!isRole(role)) {
      throw new Error(`ROLE must be viewer, operator or none, got "${role}"`);
    }
    if (rest.length > 0) throw new Error(`unknown argument: ${rest[0]}`);
  }
  return { values, email, role: role as OperatorRole | "none" };
}

function isRole(role: string): boolean {
  return role === "none" || OPERATOR_ROLES.some((it) => it === role);
}

async function listOperators({ url, serviceKey }: Project): Promise<number> {
  const operators = await readOperators(connect(url, serviceKey).rpc, url);
  const rows = operators.map(({ email, role, granted_at, granted_by }) => ({
    ...{ email, role, granted_at, granted_by },
  }));
  console.log(rows.length === 0 ? "nobody has a role yet" : formatTable(rows));
  return 0;
}

function describeError(error: unknown): string {
  const parts: string[] = [];
  for (let it: unknown = error; it instanceof Error; it = it.cause) {
    parts.push(it.message);
  }
  return parts.length > 0 ? parts.join(": ") : String(error);
}

if (import.meta.main) Deno.exit(await runCommand(Deno.args));
