// axe-core on a page as it is: the rules of WCAG 2.2 AA and the good practices beside them.
import axe from "axe-core";
import type { Page } from "playwright-core";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

interface Violation {
  id: string;
  help: string;
  nodes: { target: string[]; failureSummary?: string }[];
}

/** Throws if the page breaks a rule, and says which and where. */
export async function checkAccessible(page: Page, what: string): Promise<void> {
  const violations = await findViolations(page);
  if (violations.length === 0) return;
  const lines = violations.flatMap(({ id, help, nodes }) => [
    `${id}: ${help}`,
    ...nodes.slice(0, 5).map(({ target, failureSummary }) =>
      `    ${target.join(" ")}: ${failureSummary?.split("\n").at(-1)?.trim()}`
    ),
  ]);
  throw new Error(`axe-core finds violations, ${what}:\n  ${lines.join("\n  ")}`);
}

async function findViolations(page: Page): Promise<Violation[]> {
  // By the debugger: the page's security policy lets no other code in, which is right.
  const cdp = await page.context().newCDPSession(page);
  const run = async (expression: string) => {
    const { result, exceptionDetails } = await cdp.send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return result.value;
  };
  try {
    await run(`if (window.axe === undefined) { ${axe.source} } null`);
    const options = { runOnly: { type: "tag", values: TAGS }, resultTypes: ["violations"] };
    return await run(
      `axe.run(document, ${JSON.stringify(options)}).then((it) => it.violations)`,
    );
  } finally {
    await cdp.detach();
  }
}
