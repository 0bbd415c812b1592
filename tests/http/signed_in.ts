// People for tests: users of the project with a role of theirs, and what they ask with their token.
import type { OperatorRole } from "../../supabase/functions/_shared/contract/dashboard.ts";
import { type Answer, type AskOptions, type HttpStack, send } from "./http_stack.ts";

export interface Person {
  userId: string;
  email: string;
  /** What a browser sends: the publishable key and the user's token. */
  headers: Record<string, string>;
  /** Calls a route of the orchestrator. */
  ask(method: string, path: string, body?: unknown, options?: AskOptions): Promise<Answer>;
}

let people = 0;

/** A user of the project, with a role or none. */
export async function createPerson(
  { stack, sql }: HttpStack,
  role: OperatorRole | null,
  claims: Record<string, unknown> = {},
): Promise<Person> {
  const userId = crypto.randomUUID();
  const email = `${role ?? "stranger"}-${++people}@example.com`;
  await sql`insert into auth.users (id, email) values (${userId}, ${email})`;
  if (role !== null) {
    await sql`
      insert into orchestrator_operators (user_id, email, role, granted_at)
      values (${userId}, ${email}, ${role}, now())`;
  }
  const token = await stack.signJwt(
    { role: "authenticated", aud: "authenticated", sub: userId, email, ...claims },
    { alg: "ES256" },
  );
  const headers = { apikey: stack.keys.publishable, authorization: `Bearer ${token}` };
  return {
    userId,
    email,
    headers,
    ask: (method, path, body, options = {}) =>
      send(`${stack.url}/functions/v1/orchestrator${path}`, method, {
        body,
        ...options,
        headers: { ...headers, ...options.headers },
      }),
  };
}
