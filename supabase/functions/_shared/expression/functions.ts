// The functions that expressions may call, and no others: `matches` has no place here, because it
// would run a regular expression for as long as that likes. Each spends its work before it is done.
import { computeTime } from "./cel.ts";
import {
  findType,
  readBool,
  readDouble,
  readDuration,
  readInt,
  readTimestamp,
  writeString,
} from "./conversions.ts";
import { Failure } from "./failure.ts";
import { type Callable, countCharacters, needText, TEXT_METHODS } from "./text_functions.ts";
import { describeKind, findKind, isMap, needOptional } from "./values.ts";
import type { Work } from "./work.ts";

/** Macros over a list: `list.all(x, …)`; the numbers of their arguments. */
export const LIST_MACROS: ReadonlyMap<string, readonly number[]> = new Map([
  ["all", [2]],
  ["exists", [2]],
  ["exists_one", [2]],
  ["filter", [2]],
  ["map", [2, 3]],
]);

/** Macros of optionals, which evaluate their argument only if they need it. */
export const OPTIONAL_MACROS: ReadonlyMap<string, readonly number[]> = new Map([
  ["or", [1]],
  ["orValue", [1]],
]);

/** `size(x)`. */
export const FUNCTIONS: ReadonlyMap<string, Callable> = new Map<string, Callable>([
  ["size", { arity: [1], call: ([value], work) => measure(value, work) }],
  ["string", { arity: [1], call: ([value]) => writeString(value) }],
  ["int", { arity: [1], call: ([value], work) => readInt(value, work) }],
  ["double", { arity: [1], call: ([value], work) => readDouble(value, work) }],
  ["bool", { arity: [1], call: ([value]) => readBool(value) }],
  ["type", { arity: [1], call: ([value]) => findType(value) }],
  ["dyn", { arity: [1], call: ([value]) => value }],
  ["timestamp", { arity: [1], call: (values, work) => readTimestamp(values[0], work) }],
  ["duration", { arity: [1], call: (values, work) => readDuration(values[0], work) }],
]);

/** `x.size()`. */
export const METHODS: ReadonlyMap<string, Callable> = new Map<string, Callable>([
  ["size", { arity: [0], call: ([value], work) => measure(value, work) }],
  ...TEXT_METHODS,
  ["hasValue", { arity: [0], call: ([value]) => needOptional(value, "hasValue").isPresent }],
  ["value", { arity: [0], call: ([value]) => openOptional(value) }],
  ...[
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getMonth",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
  ].map(defineTimeMethod),
]);

/** `optional.of(x)`, `optional.none()`, and the binding macro `cel.bind(name, value, expression)`. */
export const NAMESPACES: ReadonlyMap<string, ReadonlyMap<string, readonly number[]>> = new Map([
  ["optional", new Map([["of", [1]], ["none", [0]]])],
  ["cel", new Map([["bind", [3]]])],
]);

function defineTimeMethod(name: string): [string, Callable] {
  return [name, {
    arity: [0, 1],
    call: (values, work) => {
      const kind = findKind(values[0]);
      if (kind !== "timestamp" && kind !== "duration") {
        throw new Failure(`${name} needs a timestamp, got ${describeKind(values[0])}`);
      }
      const [time, zone] = values;
      if (zone === undefined) {
        return computeTime(`a.${name}()`, [time], work, `a duration has no ${name}`);
      }
      const operands = [time, needText(zone, name)];
      return computeTime(`a.${name}(b)`, operands, work, `${name} does not know this time zone`);
    },
  }];
}

function measure(value: unknown, work: Work): bigint {
  if (Array.isArray(value)) return BigInt(value.length);
  if (typeof value === "string") return BigInt(countCharacters(value, work));
  if (!isMap(value)) {
    throw new Failure(`size needs a string, a list or a map, got ${describeKind(value)}`);
  }
  const { length } = Object.keys(value);
  work.spendKeys(length);
  return BigInt(length);
}

function openOptional(value: unknown): unknown {
  const optional = needOptional(value, "value");
  if (optional.isPresent) return optional.value;
  throw new Failure("the optional has no value: write .orValue(…) instead of .value()");
}
