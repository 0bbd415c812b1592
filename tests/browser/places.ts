// Every page of the dashboard in each of its states that look their own, and how to get there: for tests
// that go everywhere.
import type { Page } from "playwright-core";
import type { Dashboard } from "./dashboard.ts";
import type { Sample } from "./sample.ts";

export interface Place {
  name: string;
  address: string;
  /** Text that is there when the page has what it shows. */
  shows: string | RegExp;
  /** Opens what no address opens. */
  open?: (page: Page) => Promise<void>;
}

export function listPlaces(sample: Sample): Place[] {
  const run = (id: string, rest = "") => `/runs/${id}${rest}`;
  return [
    { name: "overview", address: "/", shows: "Rate-limited keys" },
    { name: "overview 24 hours", address: "/?window=24h", shows: "24 hours" },
    { name: "runs", address: "/runs", shows: "daily_instructor_v1" },
    { name: "runs filtered to nothing", address: "/runs?user_id=x", shows: "No run matches" },
    {
      name: "runs, cancel all",
      address: "/runs",
      shows: "daily_instructor_v1",
      open: async (page) => {
        await page.getByRole("button", { name: "Cancel all that match" }).click();
        await page.getByRole("dialog").getByRole("button", { name: "Cancel the runs" }).waitFor();
      },
    },
    { name: "run", address: run(sample.failed), shows: "Look here first" },
    { name: "run, a dead step", address: run(sample.failed, "?step=pay"), shows: "Attempts" },
    { name: "run, a fan-out", address: run(sample.scored, "?step=score"), shows: /40 items/ },
    { name: "run, an item", address: run(sample.scored, "?step=score&item=3"), shows: /http_4xx/ },
    { name: "run, steps", address: run(sample.failed, "?tab=steps"), shows: "apologize" },
    { name: "run, timeline", address: run(sample.scored, "?tab=timeline"), shows: "score" },
    { name: "run, data", address: run(sample.scored, "?tab=data"), shows: "L-2041" },
    { name: "run, plan", address: run(sample.scored, "?tab=plan"), shows: /plan/i },
    { name: "run that waits", address: run(sample.waiting, "?step=approve"), shows: "Approve…" },
    {
      name: "run, approve",
      address: run(sample.waiting, "?step=approve"),
      shows: "Approve…",
      open: (page) => page.getByRole("button", { name: "Approve…" }).click(),
    },
    {
      name: "run, run again",
      address: run(sample.failed),
      shows: "Run again",
      open: (page) => page.getByRole("button", { name: "Run again" }).click(),
    },
    { name: "run that is gone", address: run("nonsense"), shows: "This run is not there" },
    { name: "queue", address: "/queue", shows: "daily_instructor_v1" },
    { name: "dead letters", address: "/queue?status=dead", shows: "scripted refusal" },
    {
      name: "queue without jobs",
      address: "/queue?status=running&user_id=x",
      shows: "No job matches",
    },
    { name: "workflows", address: "/workflows", shows: "lead_triage_v1" },
    { name: "new workflow", address: "/workflows?new=1", shows: /No problems/ },
    { name: "workflow", address: "/workflows/lead_triage_v1", shows: "lead_archive_v1" },
    {
      name: "workflow, a step",
      address: "/workflows/lead_triage_v1?step=score",
      shows: /or more must succeed/,
    },
    {
      name: "workflow, text",
      address: "/workflows/lead_triage_v1?tab=yaml",
      shows: "lead.created",
    },
    {
      name: "workflow, editor with a problem",
      address: "/workflows/weekly_seed_v1?tab=yaml&edit=1",
      shows: "Publish…",
      open: async (page) => {
        await page.getByLabel("Text of the workflow, YAML").fill("key: weekly_seed_v1\nsteps: 3\n");
        await page.getByRole("button", { name: /^Line/ }).first().waitFor();
      },
    },
    {
      name: "workflow, publish",
      address: "/workflows/daily_instructor_v1?tab=yaml&edit=1",
      shows: "Publish…",
      open: async (page) => {
        const field = page.getByLabel("Text of the workflow, YAML");
        await field.fill((await field.inputValue()).replace("8000", "9000"));
        await page.getByText("✓ No problems").waitFor();
        await page.getByRole("button", { name: "Publish…" }).click();
        await page.getByRole("dialog").getByText("9000").waitFor();
      },
    },
    {
      name: "workflow, versions",
      address: "/workflows/lead_triage_v1?tab=versions&version=1",
      shows: "Restore",
    },
    {
      name: "workflow, run it",
      address: "/workflows/onboard_member_v1?tab=run",
      shows: "language",
    },
    {
      name: "workflow that is not there",
      address: "/workflows/none",
      shows: "Go to all workflows",
    },
    { name: "schedules", address: "/schedules", shows: "daily_instructor_v1" },
    { name: "rate limits", address: "/rate-limits", shows: "user:ada:agent:notify" },
    {
      name: "rate limits, a policy",
      address: "/rate-limits",
      shows: "Policies",
      open: (page) => page.getByRole("button", { name: "Add a policy" }).click(),
    },
    { name: "audit", address: "/audit", shows: "gave somebody a role" },
    { name: "unknown page", address: "/nowhere", shows: "There is no such page" },
  ];
}

/** Goes there, and waits until it shows what it has. */
export async function openPlace(page: Page, d: Dashboard, place: Place): Promise<void> {
  // By way of nothing: going from one hash to another would keep what the last place had open.
  await page.goto("about:blank");
  await page.goto(`${d.address}#${place.address}`);
  await page.locator("main").getByText(place.shows).filter({ visible: true }).first().waitFor();
  await place.open?.(page);
  if (place.open !== undefined) return;
  await page.getByText(/^Loading/).first().waitFor({ state: "detached" });
}
