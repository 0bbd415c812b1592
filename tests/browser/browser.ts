// The browser of the dashboard's tests: a Chromium that is installed already, one a test file. It listens
// to every page, so that a page that looks right and complains in its console is a failed test.
import { type Browser, chromium, type Page } from "playwright-core";

const USUAL_PLACES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

const FLAGS = [
  // The only pages are our own, and the sandbox does not start as root.
  "--no-sandbox",
  "--disable-gpu",
  // Containers have little shared memory.
  "--disable-dev-shm-usage",
  // It calls nobody but the stack.
  ...["--no-first-run", "--disable-background-networking", "--disable-component-update"],
  ...["--disable-sync", "--disable-quic"],
];

/** Starts the browser; the caller closes it. */
export async function openBrowser(): Promise<Browser> {
  return await chromium.launch({ executablePath: await findChromium(), args: FLAGS });
}

async function findChromium(): Promise<string> {
  const named = Deno.env.get("CHROMIUM");
  const places = named === undefined ? USUAL_PLACES : [named];
  for (const place of places) {
    if (await isFile(place)) return place;
  }
  throw new Error(
    `cannot test the dashboard: no browser at ${places.join(", ")}; install one, on Debian by ` +
      "`apt-get install chromium`, or name its program in the variable CHROMIUM",
  );
}

async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isFile, () => false);
}

/** What pages complained of, and what of it the test foresaw. */
export class Complaints {
  readonly #seen: string[] = [];
  readonly #foreseen: RegExp[] = [];

  /** Errors in the console (refused by the security policy, too) and exceptions that nobody caught. */
  listen(page: Page): void {
    page.on("console", (message) => {
      if (message.type() !== "error") return;
      this.#seen.push(`${message.text()} (${message.location().url})`);
    });
    page.on("pageerror", (error) => this.#seen.push(`uncaught: ${error.stack ?? error}`));
  }

  /** Takes complaints like this one for right, such as /status of 403/ where the server has to refuse. */
  foresee(pattern: RegExp): void {
    this.#foreseen.push(pattern);
  }

  /** Throws if there were others. */
  check(): void {
    const others = this.#seen.filter((text) => !this.#foreseen.some((it) => it.test(text)));
    if (others.length === 0) return;
    throw new Error(`the page complained in its console:\n  ${others.join("\n  ")}`);
  }
}
