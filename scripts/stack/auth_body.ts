// Reads and checks what callers of Auth send, with Auth's own words for what is wrong.
import { AuthError } from "./auth_error.ts";

export type AuthBody = Record<string, unknown>;

const UUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
const MIN_PASSWORD_LENGTH = 6;
/** What bcrypt looks at; the rest would be ignored. */
const MAX_PASSWORD_BYTES = 72;

/** Reads a body of JSON; an empty one is an empty object. */
export async function readAuthBody(request: Request): Promise<AuthBody> {
  const text = await request.text();
  let body: unknown;
  try {
    body = text === "" ? {} : JSON.parse(text);
  } catch {
    throw new AuthError(400, "bad_json", "Could not parse request body as JSON");
  }
  // An escaped zero character is JSON, and Postgres has no text for it.
  if (typeof body !== "object" || body === null || Array.isArray(body) || /\\u0000/.test(text)) {
    throw new AuthError(400, "bad_json", "Could not parse request body as JSON object");
  }
  return body as AuthBody;
}

/** Returns a text of the body, "" where there is none. */
export function readText(body: AuthBody, name: string): string {
  const value = body[name] ?? "";
  if (typeof value === "string") return value;
  throw new AuthError(
    400,
    "bad_json",
    `Could not parse request body as JSON: ${name} is no string`,
  );
}

/** Returns an object of the body, {} where there is none. */
export function readObject(body: AuthBody, name: string): Record<string, unknown> {
  const value = body[name] ?? {};
  if (typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new AuthError(
    400,
    "bad_json",
    `Could not parse request body as JSON: ${name} is no object`,
  );
}

export function isUuid(value: unknown): value is string {
  return typeof value === "string" && UUID.test(value);
}

/** Checks an address and returns it as it is kept: in lower case. */
export function checkEmail(email: string): string {
  if (/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email) && email.length <= 255) return email.toLowerCase();
  const text = "Unable to validate email address: invalid format";
  throw new AuthError(400, "validation_failed", text);
}

export function checkPassword(password: string): string {
  if (password.length < MIN_PASSWORD_LENGTH) {
    const text = `Password should be at least ${MIN_PASSWORD_LENGTH} characters.`;
    throw new AuthError(422, "weak_password", text, { weak_password: { reasons: ["length"] } });
  }
  if (new TextEncoder().encode(password).length <= MAX_PASSWORD_BYTES) return password;
  const text = `Password cannot be longer than ${MAX_PASSWORD_BYTES} characters`;
  throw new AuthError(422, "validation_failed", text);
}
