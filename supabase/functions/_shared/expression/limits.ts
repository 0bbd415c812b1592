// What an expression may be and may do, in one place. Workflow files and agents that append steps
// bring expressions along, and a worker evaluates them between its calls: none may hold it up.

/** Characters of one expression. */
export const MAX_EXPRESSION_CHARS = 10_000;

/** Nodes of the syntax tree, and how deep they may be nested. */
export const MAX_NODES = 500;
export const MAX_DEPTH = 24;

/** A macro (all, exists, exists_one, filter, map) and one more inside of it. */
export const MAX_MACRO_DEPTH = 2;

/** Items of a list that a macro or `in` goes through. */
export const MAX_ITEMS = 1_000;

/**
 * Units of work of one evaluation; a unit stands for 10 to 30 ns (work_test.ts measures the worst
 * cases that were found).
 */
export const MAX_WORK = 5_000_000;

/** Characters of a result as JSON text, roughly: three outputs of the largest size. */
export const MAX_RESULT_CHARS = 16 * 1024 * 1024;

/** Lists and maps inside each other, in a result, a comparison or a value with `${{ }}`. */
export const MAX_VALUE_DEPTH = 200;
