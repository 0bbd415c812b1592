// GET /audit: who did what, newest first.
import { z } from "zod";
import type { AuditPage } from "../../_shared/contract/dashboard.ts";
import { checkInput } from "../../_shared/http/body.ts";
import type { Router } from "../../_shared/http/router.ts";
import type { Engine } from "../engine.ts";
import { auditPage, text } from "../fields.ts";

export const auditQuery = z.strictObject({
  action: text(200).optional(),
  actor: text(400).optional(),
  target: text(400).optional(),
  ...auditPage,
});

export function addAuditRoute(router: Router, { rpc }: Engine): void {
  router.get("/audit", async (context) => {
    const { limit, before, ...filter } = checkInput(context.req.query(), auditQuery, "query");
    const rows = await rpc.listAudit({ filter, limit, before });
    const page: AuditPage = {
      rows,
      next_before: rows.length < limit ? null : rows.at(-1)!.audit_id,
    };
    return context.json(page);
  });
}
