// The settings that SQL reads: how long rows are kept. SQL sees no environment and knows no defaults, so
// set-up hands them over; a row in the settings table wins there as it does here.
import type { Settings } from "./settings.ts";

/** By their names in the settings table. */
export function listRetention(settings: Settings): Record<string, number> {
  return {
    history_days: settings.historyDays,
    failed_history_days: settings.failedHistoryDays,
    cancelled_history_days: settings.cancelledHistoryDays,
    event_days: settings.eventDays,
    audit_days: settings.auditDays,
    archive_history: settings.archiveHistory,
  };
}
