// Who calls a trigger: the holder of a key that is known, has neither ended nor been revoked, and is used
// from where it may be. Reasons are told to the holder of the right secret alone.
import { OrchestratorError } from "../contract/errors.ts";
import type { FoundTriggerKey } from "../database/rows.ts";
import type { Rpc } from "../database/rpc.ts";
import { isEqualInConstantTime } from "../http/constant_time.ts";
import { readClientAddress } from "./client_address.ts";
import { hashKey, readKeyId } from "./key.ts";
import type { LogRefusal } from "./refusal_log.ts";

/** The holder of a good key. */
export type KeyHolder = Pick<FoundTriggerKey, "key_id" | "user_id" | "may_name_user"> & {
  address: string | null;
};

export type CheckKey = (request: Request) => Promise<KeyHolder>;

/** Compared with where no such key is, so that this takes as long. */
const NO_HASH = "0".repeat(64);

/** Makes the check; it throws `unauthorized`, or `forbidden` for a request from elsewhere. */
export function createKeyCheck(
  rpc: Pick<Rpc, "findTriggerKey">,
  logRefusal: LogRefusal,
): CheckKey {
  return async ({ headers }) => {
    const address = readClientAddress(headers);
    const key = listPresented(headers).find((it) => readKeyId(it) !== null);
    if (key === undefined) {
      logRefusal({ reason: "no_key", address });
      throw refuse("the request has no trigger key; send Authorization: Bearer wok_…");
    }
    const found = await rpc.findTriggerKey({ keyId: readKeyId(key)!, address });
    const isRight = isEqualInConstantTime(await hashKey(key), found?.hash ?? NO_HASH);
    if (found === null || !isRight) {
      logRefusal({ reason: "unknown_key", address });
      throw refuse("the request's trigger key is not one of this project's");
    }
    const { key_id, user_id, may_name_user, fault } = found;
    if (fault !== null) {
      logRefusal({ reason: fault, keyId: key_id, address });
      throw explain(found, fault, address);
    }
    return { key_id, user_id, may_name_user, address };
  };
}

function listPresented(headers: Headers): string[] {
  const token = /^Bearer\s+(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1];
  return [token ?? "", headers.get("apikey") ?? ""];
}

function explain(
  { key_id, revoked_at, expires_at }: FoundTriggerKey,
  fault: NonNullable<FoundTriggerKey["fault"]>,
  address: string | null,
): OrchestratorError {
  if (fault === "revoked") return refuse(`the trigger key ${key_id} was revoked at ${revoked_at}`);
  if (fault === "expired") return refuse(`the trigger key ${key_id} expired at ${expires_at}`);
  const message = `authenticating: the trigger key ${key_id} may not be used from ${
    address ?? "an unknown address"
  }`;
  return new OrchestratorError("forbidden", message);
}

function refuse(message: string): OrchestratorError {
  return new OrchestratorError("unauthorized", `authenticating: ${message}`);
}
