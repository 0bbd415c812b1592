// Whatever becomes of the text of any example, the checker answers, and in time: mangled lines, words that
// stand elsewhere, halves of two files, and pieces that come a thousand times.
import assert from "node:assert/strict";
import process from "node:process";
import fc from "fast-check";
import { readSettings } from "../../supabase/functions/_shared/contract/settings.ts";
import {
  checkTemplateFile,
  compileWorkflow,
  listTemplateNames,
} from "../../supabase/functions/_shared/workflow/compile.ts";
import { formatProblems } from "../../supabase/functions/_shared/workflow/format_problems.ts";
import { MAX_PROBLEMS } from "../../supabase/functions/_shared/workflow/problems.ts";
import { draw } from "../harness/fuzz.ts";
import { listExampleTexts } from "./example_texts.ts";
import { hostileTexts } from "./hostile.ts";

const settings = readSettings(() => undefined, {});

/** Of this process alone, for a text of 200 kB at most; an attack takes minutes. */
const CPU_LIMIT_MS = 3_000;
const MAX_CHARS = 200_000;

const EXAMPLES = listExampleTexts();
const WORDS = [
  ...new Set(EXAMPLES.flatMap((text) => text.match(/[\w./-]+|\$\{\{[^}]*\}\}/g) ?? [])),
];

type Mangle = (text: string) => string;

const places = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

function onLine(change: (line: string) => string[]): fc.Arbitrary<Mangle> {
  return places.map((place) => (text) => {
    const lines = text.split("\n");
    const at = Math.floor(place * lines.length);
    lines.splice(at, 1, ...change(lines[at]));
    return lines.join("\n");
  });
}

const pieces = fc.oneof(
  hostileTexts,
  fc.constantFrom(...WORDS),
  fc.constantFrom(
    ...[
      "[",
      "{",
      "- ",
      "  ",
      "\t",
      "&a ",
      "*a ",
      "!t ",
      "|\n",
      ">\n",
      "? ",
      ": ",
      ",",
      "#",
      "'",
      '"',
      "\n",
    ],
    ...[
      "${{ ",
      "}}",
      "steps.",
      "(",
      "!",
      "a: ",
      "- - ",
      "{a: ",
      "[a, ",
      "\\u0000",
      "---\n",
      "%YAML 1.1\n",
    ],
    ...["  - id: x\n    call: /a\n", "depends_on: [x]\n", "x: {type: object}\n", "&& event.a "],
  ),
);

const repeats = fc.oneof(
  { arbitrary: fc.constant(1), weight: 6 },
  fc.integer({ min: 2, max: 60 }),
  fc.constantFrom(1_000, 20_000),
);

const mangles: fc.Arbitrary<Mangle> = fc.oneof(
  onLine(() => []),
  onLine((line) => [line, line]),
  onLine((line) => [`  ${line}`]),
  onLine((line) => [line.slice(1)]),
  onLine((line) => [line.replace(/: .*/, ":")]),
  onLine((line) => [line.replace(":", "")]),
  // A word of any example in the place of another one.
  fc.tuple(places, fc.oneof(fc.constantFrom(...WORDS), hostileTexts)).map(
    ([place, word]) => (text: string) => {
      const words = [...text.matchAll(/[\w./-]+/g)];
      if (words.length === 0) return word;
      const { index, 0: old } = words[Math.floor(place * words.length)];
      return text.slice(0, index) + word + text.slice(index + old.length);
    },
  ),
  fc.tuple(places, pieces, repeats).map(([place, piece, times]) => (text: string) => {
    const at = Math.floor(place * text.length);
    const room = Math.max(1, Math.floor(MAX_CHARS / 3 / Math.max(piece.length, 1)));
    return text.slice(0, at) + piece.repeat(Math.min(times, room)) + text.slice(at);
  }),
  // The first half of one, the second of another.
  fc.tuple(places, fc.constantFrom(...EXAMPLES), places).map(
    ([place, other, from]) => (text: string) =>
      text.slice(0, Math.floor(place * text.length)) + other.slice(Math.floor(from * other.length)),
  ),
);

const texts = fc.tuple(
  fc.constantFrom(...EXAMPLES),
  fc.array(mangles, { minLength: 1, maxLength: 4 }),
)
  .map(([text, list]) =>
    list.reduce((changed, mangle) => mangle(changed), text).slice(0, MAX_CHARS)
  );

/** Runs it within the time; answers what it gives. */
function inTime<T>(what: string, run: () => T): T {
  const before = process.cpuUsage();
  const result = run();
  const tookMs = process.cpuUsage(before).user / 1_000;
  assert.ok(tookMs < CPU_LIMIT_MS, `${what} took ${Math.round(tookMs)} ms`);
  return result;
}

Deno.test("a mangled example is compiled or has problems that can be shown, in time", () => {
  fc.assert(
    fc.property(texts, (text) => {
      const result = inTime(
        "compiling",
        () =>
          compileWorkflow(text, {
            file: "x.yml",
            settings,
            templates: new Map([["slack_message", text]]),
          }),
      );
      if (result.ok) {
        const again = compileWorkflow(text, { file: "x.yml", settings });
        return assert.ok(!again.ok || JSON.stringify(again) === JSON.stringify(result));
      }
      assert.ok(result.problems.length > 0 && result.problems.length <= 2 * (MAX_PROBLEMS + 1));
      const shown = inTime("showing", () => formatProblems(result.problems, text));
      assert.ok(shown.length > 0 && shown.length < 500_000, `${shown.length} characters`);
    }),
    draw(300),
  );
});

Deno.test("a mangled example is checked as a template, in time", () => {
  fc.assert(
    fc.property(texts, (text) => {
      const problems = inTime(
        "checking",
        () => checkTemplateFile(text, { file: "x.yml", settings }),
      );
      assert.ok(problems.length <= MAX_PROBLEMS + 1);
      inTime("listing templates", () => listTemplateNames(text, settings));
    }),
    draw(200),
  );
});

Deno.test("among the examples are some that compile as they are", () => {
  const whole = EXAMPLES.filter((text) => compileWorkflow(text, { settings }).ok);
  assert.ok(whole.length >= 12, `${whole.length} of ${EXAMPLES.length}`);
});
