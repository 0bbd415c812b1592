// The JSON Schema under `inputs`: only keywords that the validator knows and that end in time whatever
// the value. Unknown ones are mistakes, for a validator passes over them without a word.
import { asMap, type Findings } from "./findings.ts";
import { FORMATS, type KeywordKind, KEYWORDS, REFUSED, TYPES } from "./input_keywords.ts";
import { validateInputs } from "./inputs.ts";
import { findNearNames } from "./near.ts";
import type { Path } from "./parse.ts";
import { quoteValue } from "./problems.ts";

/** Schemas inside each other, all schemas of a file, and characters of the whole as JSON. */
const MAX_SCHEMA_DEPTH = 16;
const MAX_SCHEMAS = 1_000;
const MAX_SCHEMA_CHARS = 65_536;

/** Checks the schema at a path; true where values may be validated with it. */
export function checkInputSchema(path: Path, schema: unknown, findings: Findings): boolean {
  if (schema === undefined) return true;
  const map = asMap(schema);
  if (map === null) return false;
  const size = JSON.stringify(schema).length;
  if (size > MAX_SCHEMA_CHARS) {
    findings.noteAt(path, `must be at most ${MAX_SCHEMA_CHARS} characters as JSON, got ${size}`);
    return false;
  }
  const checker = new SchemaChecker(findings);
  if (map.type !== "object") {
    const got = map.type === undefined ? "it has no type" : `got ${quoteValue(map.type)}`;
    checker.note([...path, "type"], `must be object, because inputs have names: ${got}`);
  }
  checker.check(path, schema, 0);
  return checker.faults === 0;
}

class SchemaChecker {
  faults = 0;
  readonly #findings: Findings;
  #schemas = 0;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  note(path: Path, rest: string, options?: Parameters<Findings["noteAt"]>[2]): void {
    this.faults++;
    this.#findings.noteAt(path, rest, options);
  }

  check(path: Path, schema: unknown, depth: number): void {
    if (typeof schema === "boolean") return;
    const map = asMap(schema);
    if (map === null) {
      return this.note(
        path,
        `must be a JSON Schema (a map, true or false), got ${quoteValue(schema)}`,
      );
    }
    if (++this.#schemas > MAX_SCHEMAS) {
      if (this.#schemas === MAX_SCHEMAS + 1) {
        this.note(path, `is one schema too many: ${MAX_SCHEMAS} are allowed`);
      }
      return;
    }
    if (depth > MAX_SCHEMA_DEPTH) {
      return this.note(path, `is nested too deeply: ${MAX_SCHEMA_DEPTH} levels are allowed`);
    }
    const before = this.faults;
    for (const [keyword, value] of Object.entries(map)) {
      this.#checkKeyword([...path, keyword], keyword, value, depth);
    }
    this.#checkRequired(path, map);
    if (this.faults === before) this.#checkDefault(path, map);
  }

  #checkKeyword(path: Path, keyword: string, value: unknown, depth: number): void {
    const why = Object.hasOwn(REFUSED, keyword) ? REFUSED[keyword] : undefined;
    if (why !== undefined) return this.note(path, `is not supported: ${why}`, { part: "key" });
    const kind = Object.hasOwn(KEYWORDS, keyword) ? KEYWORDS[keyword] : undefined;
    if (kind === undefined) {
      this.faults++;
      const message = `unknown keyword ${quoteValue(keyword)} of JSON Schema`;
      return this.#findings.note(path, message, {
        part: "key",
        findNear: () => findNearNames(keyword, Object.keys(KEYWORDS)),
      });
    }
    this.#checkKind(path, kind, value, depth);
  }

  #checkKind(path: Path, kind: KeywordKind, value: unknown, depth: number): void {
    switch (kind) {
      case "schema":
        return this.check(path, value, depth + 1);
      case "schemas":
        return this.#checkList(path, value, (item, at) => this.check(at, item, depth + 1));
      case "schema map":
        return this.#checkMap(path, value, (item, at) => this.check(at, item, depth + 1));
      case "names":
        return this.#checkNames(path, value);
      case "names map":
        return this.#checkMap(path, value, (item, at) => this.#checkNames(at, item));
      case "type":
        return this.#checkType(path, value);
      case "format":
        return this.#checkWord(path, value, FORMATS);
      case "values":
        return this.#checkList(path, value, () => {});
      default:
        return this.#checkPlain(path, kind, value);
    }
  }

  #checkPlain(path: Path, kind: KeywordKind, value: unknown): void {
    const isNumber = typeof value === "number";
    const rules: Partial<Record<KeywordKind, [fits: boolean, words: string]>> = {
      number: [isNumber, "a number"],
      positive: [isNumber && value > 0, "a number above 0"],
      count: [isNumber && Number.isSafeInteger(value) && value >= 0, "a whole number from 0 on"],
      flag: [typeof value === "boolean", "true or false"],
      text: [typeof value === "string", "a text"],
    };
    const [fits, words] = rules[kind] ?? [true, ""];
    if (!fits) this.note(path, `must be ${words}, got ${quoteValue(value)}`);
  }

  #checkType(path: Path, value: unknown): void {
    const types = Array.isArray(value) ? value : [value];
    if (types.length === 0) this.note(path, "must name a type");
    for (const [index, type] of types.entries()) {
      this.#checkWord(Array.isArray(value) ? [...path, index] : path, type, TYPES);
    }
  }

  #checkWord(path: Path, value: unknown, words: readonly string[]): void {
    if (typeof value === "string" && words.includes(value)) return;
    this.note(path, `must be ${words.join(" or ")}, got ${quoteValue(value)}`, {
      findNear: () => typeof value === "string" ? findNearNames(value, words) : [],
    });
  }

  #checkNames(path: Path, value: unknown): void {
    this.#checkList(path, value, (name, at) => {
      if (typeof name !== "string") this.note(at, `must be a text, got ${quoteValue(name)}`);
    }, true);
  }

  #checkList(
    path: Path,
    value: unknown,
    check: (item: unknown, path: Path) => void,
    mayBeEmpty = false,
  ): void {
    if (!Array.isArray(value) || (value.length === 0 && !mayBeEmpty)) {
      return this.note(path, `must be a list, got ${quoteValue(value)}`);
    }
    for (const [index, item] of value.entries()) check(item, [...path, index]);
  }

  #checkMap(path: Path, value: unknown, check: (item: unknown, path: Path) => void): void {
    const map = asMap(value);
    if (map === null) {
      return this.note(path, `must be a map of keys and values, got ${quoteValue(value)}`);
    }
    for (const [key, item] of Object.entries(map)) {
      if (key === "__proto__") this.note([...path, key], "is no name that an input can have");
      else check(item, [...path, key]);
    }
  }

  /** A required name that no property has is legal, and nearly always a slip of the pen. */
  #checkRequired(path: Path, { required, properties }: Readonly<Record<string, unknown>>): void {
    const known = asMap(properties);
    if (known === null || !Array.isArray(required)) return;
    for (const [index, name] of required.entries()) {
      if (typeof name !== "string" || Object.hasOwn(known, name)) continue;
      this.note([...path, "required", index], `names ${quoteValue(name)}, which is no property`, {
        findNear: () => findNearNames(name, Object.keys(known)),
      });
    }
  }

  #checkDefault(path: Path, schema: Readonly<Record<string, unknown>>): void {
    if (schema.default === undefined) return;
    const place = [...path, "default"];
    if (JSON.stringify(schema.default).includes("${{")) {
      return this.note(place, "must be a value: expressions are not evaluated here");
    }
    const checked = validateInputs(schema, schema.default);
    if (checked.ok) return;
    const [{ path: within, message }] = checked.problems;
    const subject = within === "" ? "" : `${within} `;
    this.note(place, `does not fit its own schema: ${subject}${message}`);
  }
}

/** The names that must be given, because they have no default. */
export function listRequired(schema: unknown): string[] {
  const map = asMap(schema);
  if (map === null || !Array.isArray(map.required)) return [];
  const properties = asMap(map.properties) ?? {};
  return map.required.filter((name) =>
    typeof name === "string" && asMap(properties[name])?.default === undefined
  );
}
