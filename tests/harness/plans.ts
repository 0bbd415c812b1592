// The plans of the statements that really ran, those within functions too, as auto_explain tells them.
import postgres from "postgres";

/** A node of `explain (analyze, format json)`, as far as it is looked at. */
interface PlanNode {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Name"?: string;
  "Index Cond"?: string;
  "Actual Rows"?: number;
  "Actual Loops"?: number;
  "Rows Removed by Filter"?: number;
  "Rows Removed by Index Recheck"?: number;
  "Plans"?: PlanNode[];
}

export interface SeenPlan {
  statement: string;
  plan: PlanNode;
}

export interface PlanReader {
  sql: postgres.Sql;
  /** Hands over the plans seen since the last call. */
  take(): SeenPlan[];
  close(): Promise<void>;
}

/** Opens a connection as service_role whose every statement tells its generic plan and what it read. */
export async function openPlanReader(url: string): Promise<PlanReader> {
  let seen: SeenPlan[] = [];
  const sql = postgres(url, {
    max: 1,
    onnotice: (notice) => {
      const at = notice.message?.indexOf("plan:\n") ?? -1;
      if (at < 0) return;
      const told = JSON.parse(notice.message!.slice(at + "plan:\n".length));
      seen.push({ statement: told["Query Text"], plan: told["Plan"] });
    },
  });
  // The superuser's to set, so before the role.
  await sql.unsafe(`
    load 'auto_explain';
    set auto_explain.log_min_duration = 0;
    set auto_explain.log_nested_statements = on;
    set auto_explain.log_analyze = on;
    set auto_explain.log_timing = off;
    set auto_explain.log_format = json;
    set auto_explain.log_level = notice;
    set plan_cache_mode = force_generic_plan;
    set role service_role`);
  return {
    sql,
    take: () => {
      const taken = seen;
      seen = [];
      return taken;
    },
    close: () => sql.end({ timeout: 1 }),
  };
}

/** What is wrong with a plan on tables that grow: a line for each node that reads or sorts a backlog. */
export function findGreed(
  { statement, plan }: SeenPlan,
  { growing, maxRows }: { growing: string[]; maxRows: number },
): string[] {
  const found: string[] = [];
  const visit = (node: PlanNode, isLimited: boolean): number => {
    const type = node["Node Type"];
    const table = node["Relation Name"];
    const isSort = type === "Sort" || type === "Incremental Sort";
    const tell = (what: string) =>
      found.push(
        `${what} (${[type, table, node["Index Name"]].filter(Boolean).join(" ")}): ${
          statement.replace(/\s+/g, " ").trim().slice(0, 160)
        }`,
      );
    let rows = 0;
    if (table !== undefined && growing.includes(table) && type.endsWith("Scan")) {
      if (type === "Seq Scan") tell("reads the whole table");
      // Without a condition an index is read from its end on, which only a limit ends.
      const isWhole = type.startsWith("Index") && node["Index Cond"] === undefined && !isLimited;
      if (isWhole) tell("reads the whole index");
      const perLoop = (node["Actual Rows"] ?? 0) + (node["Rows Removed by Filter"] ?? 0) +
        (node["Rows Removed by Index Recheck"] ?? 0);
      rows = perLoop * (node["Actual Loops"] ?? 0);
      if (rows > maxRows) tell(`reads ${rows} rows`);
    }
    // A limit above a sort, an aggregate or a hash ends nothing below: these take all rows first.
    const blocks = isSort || type === "Aggregate" || type === "Hash";
    const below = type === "Limit" || isLimited && !blocks;
    const fed = (node.Plans ?? []).reduce((sum, child) => sum + visit(child, below), 0);
    if (isSort && fed > maxRows) tell(`sorts ${fed} rows`);
    return rows + fed;
  };
  visit(plan, false);
  return found;
}
