// Runs statements for API callers: as their role, with their claims, in one transaction and one
// round trip. Storage and the Data API share it, as both sit in front of the same row security.
import postgres from "postgres";
import type { Claims, Role } from "./keys.ts";
import { quoteLiteral } from "./sql_text.ts";

export interface Caller {
  role: Role;
  claims: Claims;
}

/** Thrown where no answer came from the database; callers say 503. */
export class DatabaseAwayError extends Error {
  override name = "DatabaseAwayError";
}

export type TextRow = Record<string, string | null>;

const AWAY_CODES = /^(08|57P0[1-3]|53300|3D000)/;

export class RolePool {
  readonly #sql: postgres.Sql;
  readonly #searchPath: string;
  constructor(url: string, schemas: string[]) {
    this.#searchPath = [...schemas.slice(0, 1), "public", "extensions"].join(", ");
    this.#sql = postgres(url, {
      max: 10,
      fetch_types: false,
      // As hosted: a call waits 10 s for a connection.
      connect_timeout: 10,
      backoff: () => 0.1,
      onnotice: () => {},
      // As hosted: a statement of the API ends after 8 s.
      connection: {
        application_name: "local-stack-api",
        statement_timeout: 8000,
        standard_conforming_strings: "on",
        // Values are part of the text here; a failed statement must not put them into the log.
        log_min_error_statement: "panic",
      },
    });
  }

  /**
   * Runs one statement for a caller and returns its rows. Everything is sent as one text, which
   * Postgres takes as one transaction: begin, settings, statement and commit cost a single round
   * trip, and a failure leaves nothing to roll back.
   */
  async run(caller: Caller, statement: string, readOnly = false): Promise<TextRow[]> {
    const claims = JSON.stringify(caller.claims);
    const settings = `select set_config('search_path', ${quoteLiteral(this.#searchPath)}, true), ` +
      `set_config('request.jwt.claims', ${quoteLiteral(claims)}, true), ` +
      (readOnly ? "set_config('transaction_read_only', 'on', true), " : "") +
      `set_config('role', ${quoteLiteral(caller.role)}, true)`;
    return await this.#send(`${settings};\n${statement}`);
  }

  /** Runs one statement with the stack's own rights. */
  async runAsOwner(statement: string): Promise<TextRow[]> {
    return await this.#send(`select set_config('search_path', '', true);\n${statement}`);
  }

  async close(): Promise<void> {
    await this.#sql.end({ timeout: 1 });
  }

  async #send(text: string): Promise<TextRow[]> {
    try {
      const results = await this.#sql.unsafe(text).simple() as unknown as TextRow[][];
      return results[results.length - 1];
    } catch (error) {
      if (error instanceof postgres.PostgresError && !AWAY_CODES.test(error.code)) throw error;
      const message = error instanceof Error ? error.message : String(error);
      throw new DatabaseAwayError(message, { cause: error });
    }
  }
}
