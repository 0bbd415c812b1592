// How fast each user may call each agent: the policies, and the buckets as they are now.
import { useRef } from "preact/hooks";
import type {
  RateLimitPolicy,
  RateLimits,
} from "../../../supabase/functions/_shared/contract/dashboard.ts";
import { get } from "../api.ts";
import { html } from "../html.ts";
import { useLive } from "../live.ts";
import type { Query, Route } from "../router.ts";
import { ClearFilters, TextFilter } from "../ui/filter_fields.ts";
import { Pager } from "../ui/pager.ts";
import { Empty, Loading, NotYet } from "../ui/states.ts";
import { BucketsTable } from "./rate_limits/buckets.ts";
import { AddPolicy, PoliciesTable } from "./rate_limits/policies.ts";

const PAGE_ROWS = 50;

export function RateLimitsPage({ route: { parts, query } }: { route: Route }) {
  const question = { text: query.text, limit: PAGE_ROWS, after: query.after };
  const { data, error, reload } = useLive(
    JSON.stringify(question),
    () => get<RateLimits>("/rate_limits", question),
  );
  // Policies stand also while another page of keys is asked for.
  const policies = useRef<RateLimitPolicy[] | null>(null);
  policies.current = data?.policies ?? policies.current;
  return html`
    <div class="page-head">
      <h1>Rate limits</h1>
      <div class="actions">
        <${AddPolicy} reload=${reload} />
      </div>
    </div>
    <section class="panel">
      <h2>Policies</h2>
      <p class="muted">
        Of those that match a key, the most specific one holds: <code>*</code> stands for anything
        but a colon. <code>default</code> is for keys that no other matches.
      </p>
      ${policies.current !== null
        ? html`<${PoliciesTable} policies=${policies.current} reload=${reload} />`
        : error === null && html`<${Loading} what="the policies" />`}
    </section>
    <section class="panel">
      <h2>Keys now</h2>
      <div class="filters bucket-filters">
        <${TextFilter} label="Key" name="text" query=${query} placeholder="user or agent" />
        <${ClearFilters} names=${["text"]} query=${query} />
      </div>
      ${data !== null
        ? html`
          <${Buckets} page=${data} parts=${parts} query=${query}
            error=${error} />
        `
        : html`<${NotYet} what="the keys" error=${error} retry=${() => void reload()} />`}
    </section>
  `;
}

interface BucketsProps {
  page: RateLimits;
  parts: string[];
  query: Query;
  error: Error | null;
}

function Buckets({ page, parts, query, error }: BucketsProps) {
  if (page.buckets.length === 0 && !query.after) {
    return query.text
      ? html`<${Empty} title="No key matches">Keys look like user:ada:agent:mailer.<//>`
      : html`
        <${Empty}
          title="No keys yet">A key appears when its user's first step calls an agent.<//>
      `;
  }
  return html`
    ${error &&
      html`<p class="problem">The keys are not fresh: ${error.message}</p>`}
    <${BucketsTable} buckets=${page.buckets} />
    <${Pager} parts=${parts} query=${query} cursor="after" next=${page
      .next_after}
      words=${{ first: "« First", next: "More »" }} />
  `;
}
