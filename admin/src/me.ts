// Who is signed in and what they may do, as the server says; what a viewer may not do is shown and refused,
// not hidden, with the reason.
import type { Me } from "../../supabase/functions/_shared/contract/dashboard.ts";
import { createStore, useStore } from "./store.ts";

export const me = createStore<Me | null>(null);

export function useIsOperator(): boolean {
  return useStore(me)?.role === "operator";
}
