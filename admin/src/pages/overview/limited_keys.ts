import type { LimitedKey } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { html } from "../../html.ts";
import { linkTo } from "../../router.ts";
import { formatAgo } from "../../ui/time.ts";

export function LimitedKeys({ keys }: { keys: LimitedKey[] }) {
  return html`
    <section class="panel">
      <h2>Rate-limited keys</h2>
      ${keys.length === 0 ? html`<p class="muted">None: every key has tokens left.</p>` : html`
        <ul class="plain-list">
          ${keys.map((key) =>
            html`
              <li key=${key.rl_key}>
                <a class="mono" href=${linkTo(["rate-limits"], {
                  text: key.rl_key,
                })}>${key.rl_key}</a>
                <small class="muted">${describe(key)}</small>
              </li>
            `
          )}
        </ul>
      `}
    </section>
  `;
}

function describe(
  { tokens, capacity, held_until, deferred_until }: LimitedKey,
): string {
  const said = [
    capacity === null
      ? "no limit"
      : `${Math.floor(tokens).toLocaleString()} of ${capacity.toLocaleString()} tokens`,
  ];
  if (isAhead(held_until)) {
    said.push(`its agent asked for a pause, it ends ${formatAgo(held_until)}`);
  }
  if (isAhead(deferred_until)) {
    said.push(`the line of jobs ends ${formatAgo(deferred_until)}`);
  }
  return said.join("; ");
}

function isAhead(at: string | null): at is string {
  return at !== null && Date.parse(at) > Date.now();
}
