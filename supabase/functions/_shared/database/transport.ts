// How a call reaches the database. One implementation today (client.ts, the Data API); a second one
// needs nothing but this.

export interface Transport {
  /**
   * Calls a function of schema public by its SQL name. Members of `args` that are undefined are not
   * sent, so that SQL's defaults apply. Throws OrchestratorError: `unavailable`, `invalid` (a value
   * cannot be stored) or `internal`.
   */
  callFunction(name: string, args: Record<string, unknown>): Promise<unknown>;
}
