// How commands are told which project they work on: by flags, or by the variables of the environment.
export interface ProjectNames {
  url?: string;
  /** A secret key, or the legacy service_role key. */
  serviceKey?: string;
}

/** Flags win over variables, and the secret key over the legacy one. */
export function readProjectNames(told: { url?: string; key?: string }): ProjectNames {
  return {
    url: told.url ?? Deno.env.get("SUPABASE_URL"),
    serviceKey: told.key ?? Deno.env.get("SUPABASE_SECRET_KEY") ??
      Deno.env.get("SUPABASE_SERVICE_ROLE_KEY"),
  };
}
