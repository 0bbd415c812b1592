// Checks expressions and values with `${{ }}` before anything runs: publish's side. What passes can
// fail only by its data.
import type { ExpressionFault } from "./cel.ts";
import { MAX_VALUE_DEPTH } from "./limits.ts";
import { checkNames, type ExpressionNames } from "./names.ts";
import { readSyntax } from "./syntax.ts";
import { hasExpression, readTemplate } from "./template.ts";

export type { ExpressionFault, ExpressionNames };

/** `reads`: the names of the steps that are used, each once. */
export type CheckedExpression = { reads: string[]; faults: ExpressionFault[] };

/** `path`: where in the value a fault's string stands; its offset counts from that string's start. */
export type TemplateFault = ExpressionFault & { path: (string | number)[] };

export type CheckedTemplate = {
  reads: string[];
  hasExpressions: boolean;
  faults: TemplateFault[];
};

/**
 * Checks one bare expression: its syntax, the guards, its names and its types. With `wanted`, also
 * that it can have that type at all; what comes from data can always have it.
 */
export function checkExpression(
  source: string,
  names: ExpressionNames,
  wanted?: "bool" | "list",
): CheckedExpression {
  const syntax = readSyntax(source);
  if ("faults" in syntax) return { reads: [], faults: sort(syntax.faults) };
  const checked = checkNames(source, syntax.node, names);
  if (checked.faults.length > 0) return { ...checked, faults: sort(checked.faults) };
  const type = syntax.checkTypes();
  if (typeof type !== "string") return { ...checked, faults: [type] };
  const fault = wanted === undefined ? null : findUnwanted(type, wanted);
  return fault === null ? checked : { ...checked, faults: [fault] };
}

function findUnwanted(type: string, wanted: "bool" | "list"): ExpressionFault | null {
  const [kind] = type.split("<");
  if (kind === wanted || kind === "dyn") return null;
  const rule = wanted === "bool" ? "a condition must be true or false" : "a list is needed here";
  const advice = kind === "optional" ? ": write .orValue(…) behind it" : "";
  return { offset: 0, message: `${rule}, this is of type ${kind}${advice}` };
}

function sort(faults: readonly ExpressionFault[]): ExpressionFault[] {
  return faults.toSorted((a, b) => a.offset - b.offset);
}

/** Checks a value with `${{ }}`: walks maps and lists. `hasExpressions` holds for faulty ones too. */
export function checkTemplate(value: unknown, names: ExpressionNames): CheckedTemplate {
  const found = { reads: new Set<string>(), hasExpressions: false, faults: [] as TemplateFault[] };
  walk(value, []);
  return { ...found, reads: [...found.reads] };

  function walk(value: unknown, path: (string | number)[]): void {
    if (typeof value === "string") return checkText(value, path);
    if (typeof value !== "object" || value === null) return;
    if (path.length > MAX_VALUE_DEPTH) {
      const message = `the value is nested deeper than ${MAX_VALUE_DEPTH} levels`;
      found.faults.push({ path, offset: 0, message });
      return;
    }
    if (Array.isArray(value)) return value.forEach((item, index) => walk(item, [...path, index]));
    for (const [key, item] of Object.entries(value)) {
      if (hasExpression(key)) {
        const message = "keys are not evaluated: write ${{ }} in values only";
        found.faults.push({ path: [...path, key], offset: 0, message });
      }
      walk(item, [...path, key]);
    }
  }

  function checkText(text: string, path: (string | number)[]): void {
    if (!hasExpression(text)) return;
    found.hasExpressions = true;
    const template = readTemplate(text);
    if (template.fault !== undefined) {
      found.faults.push({ path, ...template.fault });
      return;
    }
    for (const segment of template.segments) {
      if (typeof segment === "string") continue;
      const { reads, faults } = checkExpression(segment.source, names);
      for (const name of reads) found.reads.add(name);
      for (const fault of faults) {
        found.faults.push({ path, ...fault, offset: segment.offset + fault.offset });
      }
    }
  }
}
