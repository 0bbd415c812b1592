// The pages that are mostly lists, in one piece: they share what they are made of, and whoever opens one of
// them soon opens another.
export { AuditPage } from "./audit.ts";
export { OverviewPage } from "./overview.ts";
export { QueuePage } from "./queue.ts";
export { RateLimitsPage } from "./rate_limits.ts";
export { RunsPage } from "./runs.ts";
export { SchedulesPage } from "./schedules.ts";
export { WorkflowsPage } from "./workflows.ts";
