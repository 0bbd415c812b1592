// The shell: who is signed in, which page the address names, and whether the server answers.
import { type ComponentType, render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Me } from "../../supabase/functions/_shared/contract/dashboard.ts";
import { ApiError, awaySince, get } from "./api.ts";
import { html } from "./html.ts";
import { me } from "./me.ts";
import { loadPage, type PageProps } from "./lazy_page.ts";
import { linkTo, type Route, useRoute } from "./router.ts";
import { type Session, session, signOut } from "./session.ts";
import { useStore } from "./store.ts";
import { Notices } from "./ui/notices.ts";
import { ExpiredSession, NoRole, SignInPage } from "./ui/sign_in.ts";
import { Failure, Loading } from "./ui/states.ts";
import { formatSpan } from "./ui/time.ts";

interface PageEntry {
  name: string;
  title: string;
  list: ComponentType<PageProps>;
  one?: ComponentType<PageProps>;
}

const loadLists = () => import("./pages/lists.ts");

const PAGES: PageEntry[] = [
  {
    name: "",
    title: "Overview",
    list: loadPage(async () => (await loadLists()).OverviewPage),
  },
  {
    name: "runs",
    title: "Runs",
    list: loadPage(async () => (await loadLists()).RunsPage),
    one: loadPage(async () => (await import("./pages/run.ts")).RunPage),
  },
  {
    name: "queue",
    title: "Queue",
    list: loadPage(async () => (await loadLists()).QueuePage),
  },
  {
    name: "workflows",
    title: "Workflows",
    list: loadPage(async () => (await loadLists()).WorkflowsPage),
    one: loadPage(async () => (await import("./pages/workflow.ts")).WorkflowPage),
  },
  {
    name: "schedules",
    title: "Schedules",
    list: loadPage(async () => (await loadLists()).SchedulesPage),
  },
  {
    name: "rate-limits",
    title: "Rate limits",
    list: loadPage(async () => (await loadLists()).RateLimitsPage),
  },
  {
    name: "audit",
    title: "Audit",
    list: loadPage(async () => (await loadLists()).AuditPage),
  },
];

function App() {
  const known = useStore(session);
  const lastEmail = useRef("");
  const wasIn = useRef(false);
  if (typeof known !== "string") {
    lastEmail.current = known.email;
    wasIn.current = true;
  } else if (known === "signed_out") {
    wasIn.current = false;
  }
  if (!wasIn.current) return html`<${SignInPage} />`;
  return html`
    <${Shell} key=${lastEmail.current} signedIn=${typeof known === "string" ? null : known} />
    ${known === "expired" &&
      html`<${ExpiredSession} email=${lastEmail.current} />`}
  `;
}

function Shell({ signedIn }: { signedIn: Session | null }) {
  const route = useRoute();
  const somebody = useStore(me);
  const [refusal, setRefusal] = useState<Error | null>(null);
  const [tries, setTries] = useState(0);
  const token = signedIn?.access_token;
  useEffect(() => {
    if (token === undefined) return;
    let isOver = false;
    get<Me>("/me").then(
      (answer) => isOver || (me.set(answer), setRefusal(null)),
      (error) => isOver || setRefusal(error),
    );
    return () => void (isOver = true);
  }, [token, tries]);
  const isAway = useStore(awaySince) !== null;
  useEffect(() => {
    // The first question of all found nobody: asked again until somebody is there.
    if (somebody !== null || refusal === null || refusal instanceof ApiError) {
      return;
    }
    const timer = setTimeout(() => setTries((count) => count + 1), 2_000);
    return () => clearTimeout(timer);
  }, [refusal, somebody, isAway]);

  if (refusal instanceof ApiError && refusal.status === 403) {
    return html`<${NoRole} reason=${refusal.message} />`;
  }
  return html`
    <a class="skip-link" href="#content" onClick=${skipToContent}>Skip to the content</a>
    <${Header} route=${route} somebody=${somebody} />
    <${AwayBanner} />
    <main id="content" tabindex="-1">
      ${somebody !== null
        ? html`<${Page} route=${route} />`
        : refusal instanceof ApiError
        ? html`<${Failure} error=${refusal} retry=${() => setTries((count) => count + 1)} />`
        : html`<${Loading} what="your account" />`}
    </main>
    <${Notices} />
  `;
}

/** By hand: the hash is the address of the page. */
function skipToContent(event: Event) {
  event.preventDefault();
  document.getElementById("content")?.focus();
}

function Header({ route, somebody }: { route: Route; somebody: Me | null }) {
  const here = route.parts[0] ?? "";
  return html`
    <header class="top">
      <a class="brand" href="#/">Wisely Orchestrator</a>
      <nav aria-label="Pages">
        ${PAGES.map(({ name, title }) =>
          html`<a href=${linkTo([name])} aria-current=${
            name === here ? "page" : undefined
          }>${title}</a>`
        )}
      </nav>
      ${somebody && html`
        <div class="who">
          <span title=${somebody.email}>${somebody.email}</span>
          <span class="role">${somebody.role}</span>
          <button type="button" onClick=${() => void signOut()}>Sign out</button>
        </div>
      `}
    </header>
  `;
}

function Page({ route }: PageProps) {
  const page = PAGES.find(({ name }) => name === (route.parts[0] ?? ""));
  const component = route.parts.length > 1 ? page?.one : page?.list;
  useEffect(() => {
    const name = route.parts.length > 1 ? route.parts[1] : page?.title ?? "Not there";
    document.title = `${name} · Wisely Orchestrator`;
  }, [route.path]);
  if (component === undefined) {
    return html`
      <div class="page-head">
        <h1>There is no such page</h1>
      </div>
      <p>The address may have been copied in part. <a href="#/">Go to the overview</a></p>
    `;
  }
  return html`<${component} key=${route.path} route=${route} />`;
}

function AwayBanner() {
  const since = useStore(awaySince);
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (since === null) return;
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [since]);
  return html`
    <div role="alert">
      ${since !== null && html`
        <p class="banner">
          The server does not answer (for ${formatSpan(
            Math.max(1_000, now - since),
          )}). What you see is as old;
          this page keeps trying.
        </p>
      `}
    </div>
  `;
}

render(html`<${App} />`, document.getElementById("app")!);
