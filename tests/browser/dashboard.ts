// The dashboard for one test file: the whole system with the built page on it, a viewer and an operator,
// and tests that each get a fresh browser profile.
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { buildDashboard, stopBuilder } from "../../scripts/admin/build.ts";
import { type OpenOptions, openStack, type TestStack } from "../harness/stack.ts";
import { Complaints, openBrowser } from "./browser.ts";
import { findTitle, keepPicture } from "./pictures.ts";

const PATH = "/admin/orchestrator";
/** Bounds a failure only. */
const GIVE_UP_MS = 20_000;

export interface Account {
  email: string;
  password: string;
  userId: string;
}

export type Somebody = "operator" | "viewer" | "stranger";

export interface PageOptions extends BrowserContextOptions {
  /** Who is signed in from the start; the operator if not given, null: nobody. */
  as?: Somebody | null;
}

/** What a test gets. */
export interface Visit {
  page: Page;
  /** Opens a page by its address behind the hash, such as `/runs?status=failed`. */
  go(address: string): Promise<void>;
  /** Lets the console complain of what the test provokes. */
  foresee(pattern: RegExp): void;
}

export interface Dashboard extends TestStack {
  /** Where the page is. */
  address: string;
  accounts: Record<Somebody, Account>;
  browser: Browser;
  /** An access token, as the page would have it. */
  tokenOf(who: Somebody): Promise<string>;
  /** Calls a route of the function as somebody who is signed in. */
  callAs(who: Somebody, method: string, path: string, body?: unknown): Promise<Response>;
  /** Declares a test. */
  test(name: string, body: (visit: Visit) => Promise<void>, options?: PageOptions): void;
}

/** Opens it all; the caller closes it, as with `Deno.test.afterAll(() => d.close())`. */
export async function openDashboard(options: OpenOptions = {}): Promise<Dashboard> {
  const folder = await Deno.makeTempDir({ prefix: "dashboard-" });
  const disposers: (() => Promise<void>)[] = [() => Deno.remove(folder, { recursive: true })];
  const close = async () => {
    for (const dispose of disposers.splice(0).reverse()) await dispose();
  };
  try {
    const s = await openStack({ ...options, sites: { [PATH]: folder } });
    disposers.push(s.close);
    const { publishable } = s.stack.keys;
    disposers.push(stopBuilder);
    await buildDashboard({ url: "", publishableKey: publishable, outDir: folder });
    const accounts = await createAccounts(s);
    const browser = await openBrowser();
    disposers.push(() => browser.close());
    const dashboard = {
      ...s,
      address: `${s.stack.url}${PATH}/`,
      accounts,
      browser,
      ...createCalls(s, accounts),
      close,
    };
    return { ...dashboard, test: createTest(dashboard) };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Types the account into the form, as a person would. */
export async function signIn(page: Page, { email, password }: Account): Promise<void> {
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

async function createAccounts({ stack, db }: TestStack): Promise<Record<Somebody, Account>> {
  const create = async (name: Somebody, role?: "operator" | "viewer"): Promise<Account> => {
    const account = { email: `${name}@example.com`, password: crypto.randomUUID() };
    const response = await fetch(`${stack.url}/auth/v1/admin/users`, {
      method: "POST",
      headers: { apikey: stack.keys.secret, "content-type": "application/json" },
      body: JSON.stringify({ ...account, email_confirm: true }),
    });
    if (!response.ok) throw new Error(`making ${account.email}: ${await response.text()}`);
    const { id: userId } = await response.json();
    if (role !== undefined) {
      const args = { user_id: userId, email: account.email, role };
      const actor = { kind: "service", id: "tests", name: null } as const;
      await db.rpc.act({ actor, action: "operator.grant", args });
    }
    return { ...account, userId };
  };
  return {
    operator: await create("operator", "operator"),
    viewer: await create("viewer", "viewer"),
    stranger: await create("stranger"),
  };
}

function createCalls({ stack }: TestStack, accounts: Dashboard["accounts"]) {
  const headers = { apikey: stack.keys.publishable, "content-type": "application/json" };
  const openSession = async (who: Somebody) => {
    const { email, password } = accounts[who];
    const response = await fetch(`${stack.url}/auth/v1/token?grant_type=password`, {
      method: "POST",
      headers,
      body: JSON.stringify({ email, password }),
    });
    const { access_token, refresh_token, expires_at } = await response.json();
    return { access_token, refresh_token, expires_at, email };
  };
  const tokenOf = async (who: Somebody) => (await openSession(who)).access_token as string;
  return {
    openSession,
    tokenOf,
    callAs: async (who: Somebody, method: string, path: string, body?: unknown) =>
      await fetch(`${stack.url}/functions/v1/orchestrator${path}`, {
        method,
        headers: { ...headers, authorization: `Bearer ${await tokenOf(who)}` },
        body: body === undefined ? undefined : JSON.stringify(body),
      }),
  };
}

type Opened = Omit<Dashboard, "test"> & ReturnType<typeof createCalls>;

function createTest(d: Opened): Dashboard["test"] {
  return (name, body, options = {}) => {
    // The browser's connection outlives the test, which the sanitizers would take for a leak.
    Deno.test({ name, sanitizeOps: false, sanitizeResources: false, fn: () => run(name) });

    async function run(name: string) {
      const { as = "operator", ...given } = options;
      const context = await d.browser.newContext({
        viewport: { width: 1280, height: 800 },
        reducedMotion: "reduce",
        storageState: as === null ? undefined : await storeSession(d, as),
        ...given,
      });
      context.setDefaultTimeout(GIVE_UP_MS);
      const complaints = new Complaints();
      context.on("page", (page) => complaints.listen(page));
      const page = await context.newPage();
      try {
        await body({
          page,
          foresee: (pattern) => complaints.foresee(pattern),
          go: async (address) => void await page.goto(`${d.address}#${address}`),
        });
        complaints.check();
      } catch (error) {
        const picture = await keepPicture(page, `failed ${name}`).catch(() => "no picture");
        const title = await findTitle(page);
        throw new Error(`${error}\nat ${page.url()}, ${title}; ${picture}`, { cause: error });
      } finally {
        await context.close();
      }
    }
  };
}

/** A profile in which somebody signed in before. */
async function storeSession(d: Opened, who: Somebody): Promise<PageOptions["storageState"]> {
  const value = JSON.stringify(await d.openSession(who));
  const localStorage = [{ name: "orchestrator.session", value }];
  return { cookies: [], origins: [{ origin: d.stack.url, localStorage }] };
}
