// GET /me: who is signed in, and with which role.
import type { Me } from "../../_shared/contract/dashboard.ts";
import { OrchestratorError } from "../../_shared/contract/errors.ts";
import type { Router } from "../../_shared/http/router.ts";

export function addMeRoute(router: Router): void {
  router.get("/me", (context) => {
    const caller = context.get("caller");
    if (caller.kind === "service") {
      const message = "reading who is signed in: the caller is a service key, which is no user";
      throw new OrchestratorError("not_found", message);
    }
    const me: Me = { user_id: caller.userId, email: caller.email, role: caller.role };
    return context.json(me);
  });
}
