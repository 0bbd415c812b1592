// The queries in the JSON of a dashboard, with Grafana's macros and variables replaced as Grafana would.

export interface DashboardQuery {
  /** Dashboard and panel, or variable. */
  where: string;
  kind: "promql" | "label_values" | "sql";
  text: string;
}

interface Target {
  expr?: string;
  rawSql?: string;
}

export interface Dashboard {
  uid: string;
  title: string;
  schemaVersion: number;
  panels: {
    id: number;
    type: string;
    title: string;
    description?: string;
    gridPos: { x: number; y: number; w: number; h: number };
    fieldConfig?: { defaults: { unit?: string } };
    targets?: Target[];
  }[];
  templating: {
    list: { name: string; type: string; query: string | { query: string }; definition?: string }[];
  };
}

const FOLDER = new URL("../../monitoring/grafana/", import.meta.url);

export async function readDashboards(): Promise<Map<string, Dashboard>> {
  const names = [...Deno.readDirSync(FOLDER)].map((entry) => entry.name).sort();
  const texts = await Promise.all(names.map((name) => Deno.readTextFile(new URL(name, FOLDER))));
  return new Map(names.map((name, at) => [name, JSON.parse(texts[at])]));
}

/** All of a dashboard: what its panels show, and what its variables offer. */
export function listQueries(name: string, board: Dashboard): DashboardQuery[] {
  const found: DashboardQuery[] = [];
  for (const panel of board.panels) {
    for (const { expr, rawSql } of panel.targets ?? []) {
      found.push({
        where: `${name}, ${panel.title}`,
        kind: rawSql === undefined ? "promql" : "sql",
        text: rawSql ?? expr!,
      });
    }
  }
  for (const { name: variable, type, query } of board.templating.list) {
    if (type !== "query") continue;
    const text = typeof query === "string" ? query : query.query;
    const kind = text.startsWith("label_values(") ? "label_values" : "sql";
    found.push({ where: `${name}, variable ${variable}`, kind, text });
  }
  return found;
}

/** A variable of one value, and `All` as its allValue has it. */
export function fillPromQl(text: string, variables: Record<string, string>): string {
  const filled = text
    .replaceAll("$__rate_interval", "1m")
    .replaceAll("$__range", "5m")
    .replace(/\$(\w+)/g, (_, name: string) => {
      if (name in variables) return variables[name];
      throw new Error(`the query has a variable $${name} that the dashboard does not: ${text}`);
    });
  return filled;
}

/** As Grafana's Postgres data source expands its macros, for the hour before now. */
export function fillSql(text: string, variables: Record<string, string[]>): string {
  const to = new Date();
  const [since, until] = [new Date(to.getTime() - 3_600_000), to].map((at) =>
    `'${at.toISOString()}'`
  );
  return text
    .replace(
      /\$__timeGroupAlias\((\w+), *\$__interval\)/g,
      'floor(extract(epoch from $1)/60)*60 AS "time"',
    )
    .replace(/\$__timeFilter\((\w+)\)/g, `$1 BETWEEN ${since} AND ${until}`)
    .replaceAll("$__timeFrom()", since)
    .replace(/\$\{(\w+):sqlstring\}/g, (_, name: string) => {
      const values = variables[name];
      if (values === undefined) throw new Error(`no variable ${name}: ${text}`);
      return values.map((value) => `'${value.replaceAll("'", "''")}'`).join(",");
    });
}
