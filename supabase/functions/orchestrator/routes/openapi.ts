// GET /openapi.json: the whole HTTP surface as OpenAPI 3.1. Open: tools that read it have no key, and it
// says no more than the README does.
import type { Router } from "../../_shared/http/router.ts";

export function addOpenapiRoute(router: Router): void {
  let written: Promise<string> | undefined;

  router.get("/openapi.json", async (context) => {
    // Loaded when it is first asked for: no cold start pays for it.
    written ??= import("../openapi/document.ts").then(({ writeDocument }) => writeDocument());
    return context.body(await written, 200, { "Content-Type": "application/json" });
  });
}
