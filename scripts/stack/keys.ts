// The project's API keys and tokens: made at random once per data folder, kept there, and checked
// as the hosted gateway checks them.
import { Buffer } from "node:buffer";

export type Role = "anon" | "authenticated" | "service_role";
export type Claims = Record<string, unknown>;

/** What callers of the stack need; `secret` and `serviceRoleJwt` open everything. */
export interface StackKeys {
  publishable: string;
  secret: string;
  anonJwt: string;
  serviceRoleJwt: string;
}

export interface SignOptions {
  /** HS256 is the legacy secret's algorithm, ES256 that of the project's signing key. */
  alg?: "HS256" | "ES256";
  expiresInSeconds?: number;
  /** `foreign` signs with a key of another project, which must be refused. */
  key?: "own" | "foreign";
}

interface StoredKeys extends StackKeys {
  jwtSecret: string;
  databasePassword: string;
  signingKey: JsonWebKey & { kid: string };
}

/** Thrown for a token that the gateway refuses; the message may be shown to the caller. */
export class InvalidTokenError extends Error {
  override name = "InvalidTokenError";
}

const encoder = new TextEncoder();
const ES256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const HS256 = { name: "HMAC", hash: "SHA-256" };
const TEN_YEARS_SECONDS = 10 * 365 * 24 * 3600;

export class KeyRing {
  readonly #verified = new Map<string, Claims>();

  private constructor(
    readonly stored: StoredKeys,
    readonly hmacKey: CryptoKey,
    readonly privateKey: CryptoKey,
    readonly publicKey: CryptoKey,
  ) {}

  /** Reads the keys of a data folder, or makes them where it has none. */
  static async load(folder: string): Promise<KeyRing> {
    const path = `${folder}/keys.json`;
    let text = await readIfThere(path);
    if (text === undefined) {
      const draft = `${path}.${crypto.randomUUID()}`;
      await Deno.writeTextFile(draft, JSON.stringify(await makeKeys(), null, 2), { mode: 0o600 });
      // A link fails where another process was first, so that all of them see one set of keys.
      await Deno.link(draft, path).catch((error) => {
        if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      });
      await Deno.remove(draft);
      text = await Deno.readTextFile(path);
    }
    const stored = JSON.parse(text) as StoredKeys;
    const { d: _private, ...publicJwk } = stored.signingKey;
    return new KeyRing(
      stored,
      await importSecret(stored.jwtSecret),
      await crypto.subtle.importKey("jwk", stored.signingKey, ES256, false, ["sign"]),
      await crypto.subtle.importKey("jwk", { ...publicJwk, key_ops: ["verify"] }, ES256, false, [
        "verify",
      ]),
    );
  }

  get keys(): StackKeys {
    const { publishable, secret, anonJwt, serviceRoleJwt } = this.stored;
    return { publishable, secret, anonJwt, serviceRoleJwt };
  }

  /** The public half of the signing key, as `/auth/v1/.well-known/jwks.json` serves it. */
  get jwks(): { keys: JsonWebKey[] } {
    const { d: _private, ...publicJwk } = this.stored.signingKey;
    return { keys: [{ ...publicJwk, key_ops: ["verify"] }] };
  }

  async signJwt(claims: Claims, options: SignOptions = {}): Promise<string> {
    const alg = options.alg ?? "HS256";
    const foreign = options.key === "foreign";
    let key = alg === "HS256" ? this.hmacKey : this.privateKey;
    if (foreign && alg === "HS256") key = await importSecret(crypto.randomUUID());
    if (foreign && alg === "ES256") {
      key = (await crypto.subtle.generateKey(ES256, false, ["sign", "verify"])).privateKey;
    }
    return signWith(key, alg, claims, options.expiresInSeconds ?? 3600, this.stored.signingKey.kid);
  }

  /** Returns the claims of a token that this project signed and that has not expired. */
  async verifyJwt(token: string): Promise<Claims> {
    const claims = this.#verified.get(token) ?? (await this.#checkSignature(token));
    const now = Date.now() / 1000;
    if (typeof claims.exp === "number" && claims.exp < now) {
      throw new InvalidTokenError("JWT expired");
    }
    if (typeof claims.nbf === "number" && claims.nbf > now + 30) {
      throw new InvalidTokenError("JWT not yet valid");
    }
    return claims;
  }

  async #checkSignature(token: string): Promise<Claims> {
    const parts = token.split(".");
    if (parts.length !== 3) throw new InvalidTokenError("Expected 3 parts in JWT");
    let header: { alg?: string };
    let claims: Claims;
    try {
      header = JSON.parse(Buffer.from(parts[0], "base64url").toString());
      claims = JSON.parse(Buffer.from(parts[1], "base64url").toString());
    } catch {
      throw new InvalidTokenError("JWT cannot be decoded");
    }
    const signature = Buffer.from(parts[2], "base64url");
    const data = encoder.encode(`${parts[0]}.${parts[1]}`);
    const known = header.alg === "HS256"
      ? await crypto.subtle.verify(HS256, this.hmacKey, signature, data)
      : header.alg === "ES256"
      ? await crypto.subtle.verify(ES256, this.publicKey, signature, data)
      : false;
    if (!known) throw new InvalidTokenError("No suitable key or wrong key type");
    // Bounded: a long test run signs many tokens.
    if (this.#verified.size > 1000) this.#verified.clear();
    this.#verified.set(token, claims);
    return claims;
  }
}

async function makeKeys(): Promise<StoredKeys> {
  const jwtSecret = makeSecret(32);
  const hmacKey = await importSecret(jwtSecret);
  const pair = await crypto.subtle.generateKey(ES256, true, ["sign", "verify"]);
  const kid = crypto.randomUUID();
  const signLegacy = (role: Role) =>
    signWith(hmacKey, "HS256", { iss: "supabase", ref: "local", role }, TEN_YEARS_SECONDS, kid);
  return {
    publishable: `sb_publishable_${makeSecret(24)}`,
    secret: `sb_secret_${makeSecret(24)}`,
    anonJwt: await signLegacy("anon"),
    serviceRoleJwt: await signLegacy("service_role"),
    jwtSecret,
    databasePassword: makeSecret(18).replaceAll(/[-_]/g, "x"),
    signingKey: {
      ...(await crypto.subtle.exportKey("jwk", pair.privateKey)),
      alg: "ES256",
      use: "sig",
      kid,
    },
  };
}

async function signWith(
  key: CryptoKey,
  alg: "HS256" | "ES256",
  claims: Claims,
  expiresInSeconds: number,
  kid: string,
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const header = alg === "ES256" ? { alg, kid, typ: "JWT" } : { alg, typ: "JWT" };
  const body = { iat: now, exp: now + expiresInSeconds, ...claims };
  const data = `${encodePart(header)}.${encodePart(body)}`;
  const algorithm = alg === "HS256" ? HS256 : ES256;
  const signature = await crypto.subtle.sign(algorithm, key, encoder.encode(data));
  return `${data}.${Buffer.from(signature).toString("base64url")}`;
}

function encodePart(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function importSecret(secret: string): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", encoder.encode(secret), HS256, false, ["sign", "verify"]);
}

function makeSecret(bytes: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("base64url");
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
