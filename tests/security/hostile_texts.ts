// Values that break what builds paths, rows, headers, objects or numbers of them carelessly.

/** Parts of a path or values of a query, percent-encoded as they are sent. */
export const HOSTILE_PARTS = [
  "%2e%2e",
  "..%2f..%2f..%2fetc%2fpasswd",
  "..%5c..%5cwindows",
  "%2fabsolute",
  "%00",
  "a%00b",
  "%ED%A0%80",
  "%FF%FE",
  "%",
  "a%0d%0ax-evil:%201",
  "%1b%5b2J%1b%5b31m",
  "%E2%80%AE%E2%80%A8",
  "__proto__",
  "constructor",
  "%27%3b%20drop%20table%20job_queue%3b--",
  "1e999",
  "99999999999999999999999999",
  "00000000-0000-4000-8000-000000000000%00",
  "*",
  "a".repeat(5_000),
];

const nest = (open: string, middle: string, close: string, depth: number) =>
  open.repeat(depth) + middle + close.repeat(depth);

/** JSON texts that stand where a value is expected. */
export const HOSTILE_VALUES: [what: string, json: string][] = [
  ["lists nested 100,000 deep", nest("[", "", "]", 100_000)],
  ["maps nested 100,000 deep", nest('{"a":', "1", "}", 100_000)],
  ["lists nested 600 deep", nest("[", "", "]", 600)],
  ["a map of 60,000 keys", `{${Array.from({ length: 60_000 }, (_, n) => `"k${n}":${n}`)}}`],
  ["a list of 400,000 items", `[${"0,".repeat(399_999)}0]`],
  ["a text of 900,000 characters", `"${"x".repeat(900_000)}"`],
  ["the character NUL", String.raw`"a\u0000b"`],
  ["NUL in a name", String.raw`{"a\u0000b":1}`],
  ["half a surrogate pair", String.raw`"\ud800"`],
  ["half a surrogate pair in a name", String.raw`{"\udc00":1}`],
  ["a number that is no double", "1e999"],
  ["a negative zero", "-0"],
  ["a number that loses digits", "9007199254740993"],
  ["a number of 400 digits", "1".repeat(400)],
  ["line ends and signs of terminals", String.raw`"a\r\nx-evil: 1\u001b[31m\u2028"`],
  ["__proto__", '{"__proto__":{"polluted":true}}'],
  ["constructor", '{"constructor":{"prototype":{"polluted":true}}}'],
  ["a length that is no number", '{"length":{"toString":1,"valueOf":2}}'],
  ["a path that leads up", '"../../../etc/passwd"'],
];
