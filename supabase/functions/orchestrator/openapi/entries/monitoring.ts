// Alerts, and what scrapers read.
import { z } from "zod";
import { alerts, savedAlertRule } from "../../../_shared/contract/answers/alerts.ts";
import { OPEN_METRICS_TYPE, TEXT_TYPE } from "../../../_shared/metrics/render.ts";
import { alertRuleInput } from "../../routes/alerts.ts";
import { METRICS_TOKEN_VARIABLE } from "../../routes/metrics.ts";
import type { RouteEntries } from "../entry.ts";

export const MONITORING: RouteEntries = {
  "GET /alerts": {
    tag: "Operating",
    operationId: "listAlerts",
    summary: "The alert rules with their thresholds, and the alerts that they found",
    answers: { 200: { description: "All of them.", schema: alerts } },
  },
  "PUT /alerts/rules/:name": {
    tag: "Operating",
    operationId: "setAlertRule",
    summary: "Changes the threshold of an alert rule, or turns it off",
    description: "What is not given stays as it is.",
    path: { name: z.string().describe("The rule's name, as GET /alerts has it.") },
    body: {
      schema: alertRuleInput,
      examples: {
        later: { summary: "Less touchy", value: { threshold: 600, for_seconds: 300 } },
        off: { summary: "Off", value: { enabled: false } },
      },
    },
    answers: { 200: { description: "It is saved.", schema: savedAlertRule } },
    errors: { 404: "There is no such rule." },
  },
  "GET /metrics": {
    tag: "Operating",
    operationId: "scrapeMetrics",
    summary: "Counters, histograms and gauges, for Prometheus and its kind",
    description: `\`Accept\` chooses between Prometheus' text format and OpenMetrics.`,
    answers: {
      200: {
        description: "The metrics.",
        mediaType: TEXT_TYPE,
        schema: z.string(),
        others: { [OPEN_METRICS_TYPE]: z.string() },
      },
    },
    errors: {
      401: "No token, or another one.",
      404: `Metrics are off: ${METRICS_TOKEN_VARIABLE} is not set, or too short.`,
    },
    credential: {
      metricsToken: {
        type: "http",
        scheme: "bearer",
        description: `The scraper's own token, as ${METRICS_TOKEN_VARIABLE} has it.`,
      },
    },
  },
};
