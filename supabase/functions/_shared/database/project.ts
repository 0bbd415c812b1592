// The project that a function belongs to: where it is, and the keys that the platform gives.
import { OrchestratorError } from "../contract/errors.ts";
import { readServiceKeys } from "../http/auth.ts";
import { getEnv } from "../platform.ts";

export interface Project {
  url: string;
  /** For the Data API and Storage, and in `apikey` for agents. */
  secretKey: string;
  /** Under which agents are reached; the project's own URL unless EDGE_BASE_URL says otherwise. */
  baseUrl: string;
  /** What agents get as Bearer; projects without legacy keys have the secret key alone. */
  serviceJwt: string;
}

/** Under which the functions of the project reach each other; throws `internal` where nothing says it. */
export function readBaseUrl(): string {
  const url = getEnv("EDGE_BASE_URL") ?? getEnv("SUPABASE_URL");
  if (url === undefined) {
    throw new OrchestratorError("internal", "reading the project: SUPABASE_URL must be set");
  }
  return url;
}

/** Reads the environment; throws `internal` where the project's URL or key is missing. */
export function readProject(): Project {
  const url = getEnv("SUPABASE_URL");
  const { secretKeys } = readServiceKeys();
  const serviceRoleKey = getEnv("SUPABASE_SERVICE_ROLE_KEY");
  const secretKey = secretKeys.default ?? Object.values(secretKeys)[0] ??
    serviceRoleKey;
  if (url === undefined || secretKey === undefined) {
    throw new OrchestratorError(
      "internal",
      "reading the project: SUPABASE_URL and a service key must be set",
    );
  }
  return {
    url,
    secretKey,
    baseUrl: readBaseUrl(),
    serviceJwt: getEnv("EDGE_SERVICE_JWT") ?? serviceRoleKey ?? secretKey,
  };
}
