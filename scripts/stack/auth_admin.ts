// Auth's routes for administrators under /auth/v1/admin, which need the secret or the service_role key.
import {
  type AuthBody,
  checkEmail,
  checkPassword,
  isUuid,
  readAuthBody,
  readObject,
  readText,
} from "./auth_body.ts";
import { AuthError } from "./auth_error.ts";
import { type UserChanges, userNotFound, type UserTable } from "./auth_users.ts";

const DEFAULT_PER_PAGE = 50;
const MAX_PER_PAGE = 1000;

/** Answers a request; `id` is what follows /admin/users/. Undefined: there is no such route. */
export async function handleUserAdmin(
  request: Request,
  url: URL,
  id: string | undefined,
  users: UserTable,
): Promise<Response | undefined> {
  const { method } = request;
  if (id === undefined) {
    if (method === "GET") return await listUsers(url, users);
    if (method !== "POST") return undefined;
    const changes = readChanges(await readAuthBody(request));
    if (changes.email === undefined) {
      const text = "Cannot create a user without either an email or phone";
      throw new AuthError(400, "validation_failed", text);
    }
    return Response.json(await users.create({ ...changes, email: changes.email }));
  }
  if (!isUuid(id)) {
    throw new AuthError(404, "validation_failed", "user_id must be an UUID");
  }
  if (method === "GET") {
    const user = await users.get(id);
    if (user === undefined) throw userNotFound();
    return Response.json(user);
  }
  if (method === "PUT") {
    return Response.json(await users.update(id, readChanges(await readAuthBody(request))));
  }
  if (method !== "DELETE") return undefined;
  const { should_soft_delete } = await readAuthBody(request);
  if (should_soft_delete) {
    throw new AuthError(422, "validation_failed", "The local Auth does not delete users softly");
  }
  await users.delete(id);
  return Response.json({});
}

async function listUsers(url: URL, users: UserTable): Promise<Response> {
  const page = readCount(url, "page", 1);
  const perPage = Math.min(readCount(url, "per_page", DEFAULT_PER_PAGE), MAX_PER_PAGE);
  const { users: shown, total } = await users.list(page, perPage);
  const last = Math.max(1, Math.ceil(total / perPage));
  const link = (at: number, rel: string) =>
    `<${url.pathname}?page=${at}&per_page=${perPage}>; rel="${rel}"`;
  const links = [link(last, "last")];
  if (page < last) links.unshift(link(page + 1, "next"));
  return Response.json({ users: shown, aud: "authenticated" }, {
    headers: { "x-total-count": String(total), link: links.join(", ") },
  });
}

function readCount(url: URL, name: string, fallback: number): number {
  const text = url.searchParams.get(name) ?? "";
  if (text === "") return fallback;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new AuthError(400, "validation_failed", `Bad Pagination Parameters: ${name} is "${text}"`);
}

function readChanges(body: AuthBody): UserChanges {
  const [email, password, role] = ["email", "password", "role"].map((name) => readText(body, name));
  const ban = readText(body, "ban_duration");
  if (readText(body, "phone") !== "") {
    throw new AuthError(400, "validation_failed", "The local Auth does not know phone numbers");
  }
  return {
    email: email === "" ? undefined : checkEmail(email),
    password: password === "" ? undefined : checkPassword(password),
    role: role === "" ? undefined : role,
    isEmailConfirmed: body.email_confirm === true,
    userMetadata: body.user_metadata ? readObject(body, "user_metadata") : undefined,
    appMetadata: body.app_metadata ? readObject(body, "app_metadata") : undefined,
    banDuration: ban === "" ? undefined : ban,
  };
}
