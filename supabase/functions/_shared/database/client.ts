// The connection of this isolate: one supabase-js client with the project's secret key, used for the
// Data API (through Transport) and for Storage. No session is kept: every call is the service's own.
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { translateFailure, wasRolledBack } from "./errors.ts";
import { createRpc, type Rpc } from "./rpc.ts";
import type { Transport } from "./transport.ts";

/** A call that takes longer counts as a database that is away. */
export const DATABASE_TIMEOUT_MS = 20_000;

/** How often a call is made that Postgres rolls back each time. */
const MAX_TRIES = 3;

export type StorageApi = SupabaseClient["storage"];

export interface Connection {
  rpc: Rpc;
  storage: StorageApi;
}

/** Opens a connection to a project; nothing is sent before the first call. */
export function connect(url: string, secretKey: string): Connection {
  const client = createClient(url, secretKey, {
    auth: {
      persistSession: false,
      autoRefreshToken: false,
      detectSessionInUrl: false,
    },
    global: { fetch: fetchInTime },
  });
  return { rpc: createRpc(createTransport(client)), storage: client.storage };
}

function createTransport(client: SupabaseClient): Transport {
  return {
    async callFunction(name, args) {
      for (let tries = 1;; tries++) {
        const { data, error, status } = await callInTime((signal) =>
          client.rpc(name, args).abortSignal(signal)
        );
        if (error === null) return data;
        const failure = { status, code: error.code ?? "", message: error.message };
        // At once: the second that Postgres takes to see a deadlock was the wait.
        if (tries < MAX_TRIES && wasRolledBack(failure)) continue;
        throw translateFailure(`calling ${name}`, failure);
      }
    },
  };
}

// Not AbortSignal.timeout(): its timer, and with it the request, would live on for the whole time after
// every call, and a busy worker makes hundreds of calls a second.
async function callInTime<T>(call: (signal: AbortSignal) => PromiseLike<T>): Promise<T> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), DATABASE_TIMEOUT_MS);
  try {
    return await call(timeout.signal);
  } finally {
    clearTimeout(timer);
  }
}

function fetchInTime(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
  const signal = init.signal ?? AbortSignal.timeout(DATABASE_TIMEOUT_MS);
  // A redirect would take the secret key along, also to another host.
  return fetch(input, { ...init, redirect: "error", signal });
}
