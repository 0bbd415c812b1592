// The entries of all routes. A route without one, and one without its route, fail a test.
import type { RouteEntries } from "../entry.ts";
import { HOOKS } from "./hooks.ts";
import { JOBS } from "./jobs.ts";
import { MONITORING } from "./monitoring.ts";
import { NOTIFICATIONS } from "./notifications.ts";
import { OPERATING } from "./operating.ts";
import { RUNS } from "./runs.ts";
import { STARTING } from "./starting.ts";
import { TRIGGERS } from "./triggers.ts";
import { WORKFLOWS } from "./workflows.ts";

export const ROUTE_ENTRIES: RouteEntries = {
  ...STARTING,
  ...RUNS,
  ...JOBS,
  ...WORKFLOWS,
  ...HOOKS,
  ...TRIGGERS,
  ...NOTIFICATIONS,
  ...OPERATING,
  ...MONITORING,
};
