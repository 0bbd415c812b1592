// Notifications as one message of Slack: a section each, and a count of those that have no room. Pure.
// Limits: https://docs.slack.dev/reference/block-kit/blocks (50 blocks, 3,000 characters a section).
import type { Message, OpenDelivery } from "../contract/notifications.ts";

const MAX_BLOCKS = 50;
const MAX_SECTION_CHARS = 3_000;
const MAX_ERROR_CHARS = 300;

const TITLES: Record<string, string> = {
  "run.succeeded": "Run succeeded",
  "run.failed": "Run failed",
  "run.cancelled": "Run cancelled",
  "job.dead": "Dead letter",
  "approval.requested": "Approval requested",
  "alert.firing": "Alert firing",
  "alert.resolved": "Alert resolved",
  "destination.disabled": "Destination disabled",
  test: "Test message",
};

interface Section {
  type: "section";
  text: { type: "mrkdwn"; text: string };
}

export interface SlackMessage {
  /** What notifications of phones and old clients show. */
  text: string;
  blocks: Section[];
}

/** `dashboardUrl`: where the dashboard is, if anybody said so; then runs are links. */
export function buildDigest(
  { messages, counts }: Pick<OpenDelivery, "messages" | "counts">,
  dashboardUrl: string | undefined,
): SlackMessage {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const shown = messages.slice(0, total > MAX_BLOCKS ? MAX_BLOCKS - 1 : MAX_BLOCKS);
  const texts = shown.map((message) => describe(message, dashboardUrl));
  if (total > shown.length) {
    texts.push(`and ${total - shown.length} more: ${describeRest(shown, counts)}`);
  }
  return {
    text: total === 1
      ? stripMarkup(texts[0])
      : `${total} notifications: ${describeRest([], counts)}`,
    blocks: texts.map((text) => ({ type: "section", text: { type: "mrkdwn", text } })),
  };
}

/** The three characters that Slack gives a meaning, so that nobody's text can mention or link. */
export function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function describe(message: Message, dashboardUrl: string | undefined): string {
  const { type, data } = message;
  const step = readObject(data.failed_step) ?? data;
  const name = read(data.workflow_key) ?? read(data.alert) ?? read(data.destination);
  const lines = [
    [`*${TITLES[type] ?? escapeText(type)}*`, name, read(data.subject)].filter(isText).join(" · "),
    [
      read(step.step_id) === undefined ? undefined : `step ${read(step.step_id)}`,
      read(step.error_class),
      read(step.error_text) ?? read(data.cancel_reason) ?? read(data.description) ??
        read(data.reason),
    ].filter(isText).join(": "),
    linkRun(data.workflow_run_id, dashboardUrl),
  ];
  return cut(lines.filter(isText).join("\n"), MAX_SECTION_CHARS);
}

function describeRest(shown: readonly Message[], counts: Record<string, number>): string {
  return Object.entries(counts).flatMap(([type, count]) => {
    const rest = count - shown.filter((message) => message.type === type).length;
    return rest > 0 ? [`${rest} ${escapeText(type)}`] : [];
  }).join(", ");
}

function linkRun(runId: unknown, dashboardUrl: string | undefined): string | undefined {
  if (typeof runId !== "string") return undefined;
  if (dashboardUrl === undefined) return `run ${runId}`;
  return `<${dashboardUrl.replace(/[/#]+$/, "")}/#/runs/${runId}|run ${runId}>`;
}

/** A text of the data, cut and then escaped, so that no escape is cut in two. */
function read(value: unknown): string | undefined {
  if (typeof value !== "string" || value === "") return undefined;
  return escapeText(cut(value, MAX_ERROR_CHARS));
}

function readObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : undefined;
}

function isText(value: string | undefined): value is string {
  return value !== undefined && value !== "";
}

function cut(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars - 1).toWellFormed()}…`;
}

function stripMarkup(text: string): string {
  return text.replace(/<[^|>]*\|([^>]*)>/g, "$1").replaceAll("*", "").replaceAll("\n", " · ");
}
