// The one place that takes secrets out of what is kept or shown: logs, error texts, answers of agents. What this
// process knows to be secret is found by its value, in the spellings that programs give it; what it cannot know,
// by the shapes that keys have. Pure but for the list of what is known.
import { Buffer } from "node:buffer";

export const REDACTED = "[redacted]";

/** What is shorter stands in texts by chance. */
const MIN_SECRET_LENGTH = 8;
/** In data that is not ours more has to match: a word that somebody made a key of would be lost there. */
const MIN_LENGTH_IN_DATA = 16;

/** `<job>.<generation>.<attempt>.<expiry>.<signature>`: nobody but the orchestrator makes these. */
const CALLBACK_TOKEN = /\d{1,15}\.\d{1,9}\.\d{1,9}\.\d{1,15}\.[\w-]{43}/g;

/** Keys of whatever project, JWTs, signing secrets of webhooks and addresses of Slack's channels. */
const KEY_SHAPES =
  /sb_secret_[\w-]+|\bwok_[\w-]+|\bwhsec_[\w+/=-]{16,}|eyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*)?|hooks\.slack\.com\/[\w/-]+/g;

/** What follows these words in a header; in other texts they may be words like any other. */
const SCHEMES = /\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi;

/** A long value behind a name that means a secret, as in JSON, in a query or in a header. */
const NAMED =
  /((?:authorization|api[-_]?key|token|secret|password|cookie)[\\"']*\s*[:=]\s*[\\"']*)[\w.~+/=-]{16,}/gi;

const SECRET_WORDS = new Set([
  "authorization",
  "apikey",
  "token",
  "secret",
  "password",
  "cookie",
  "payload",
  "headers",
]);

const hiddenInData = new Set<string>();
const hiddenInTexts = new Set<string>();

/** From now on this process neither keeps nor shows these values: keys, which nobody's data is meant to hold. */
export function noteSecrets(values: readonly (string | undefined)[]): void {
  const keys = values.filter((value) => value !== undefined);
  const long = keys.filter(({ length }) => length >= MIN_LENGTH_IN_DATA);
  for (const spelling of spellAll(long)) hiddenInData.add(spelling);
  noteLikelySecrets(keys);
}

/** The same for texts alone: these may be words like any other, such as a tenant's name. */
export function noteLikelySecrets(values: readonly string[]): void {
  for (const spelling of spellAll(values)) hiddenInTexts.add(spelling);
}

/**
 * A text without the secrets that are known, `more` among them, and without tokens of callbacks. For data that
 * is not ours, such as an agent's output: nothing else of it is touched.
 */
export function hideSecrets(text: string, more: readonly string[] = []): string {
  const shown = hideAll(hideAll(text, hiddenInData), spellAll(more));
  return shown.replace(CALLBACK_TOKEN, REDACTED);
}

/** The same of a value that JSON can hold. */
export function hideSecretsIn<Value>(value: Value): Value {
  const text = JSON.stringify(value);
  if (text === undefined) return value;
  const shown = hideSecrets(text);
  return shown === text ? value : JSON.parse(shown);
}

/** A text for people, which quotes data: without the secrets that are known, and without all that looks like a key. */
export function hideKeys(text: string, more: readonly string[] = []): string {
  return hideSecrets(hideAll(text, hiddenInTexts), more).replace(KEY_SHAPES, REDACTED);
}

/** A text such as an error's message, which may quote a request: without what follows Bearer or a secret's name either. */
export function hideCredentials(text: string): string {
  return hideKeys(text).replace(SCHEMES, `$1 ${REDACTED}`).replace(NAMED, `$1${REDACTED}`);
}

/** `service_apikey`, `apiKey` and `X-Api-Key` name secrets or contents. */
export function isSecretName(name: string): boolean {
  const words = name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase().split(/[^a-z0-9]+/);
  return words.some((word, index) =>
    SECRET_WORDS.has(word) || SECRET_WORDS.has(word + (words[index + 1] ?? "")) ||
    SECRET_WORDS.has(word.replace(/s$/, "")) || SECRET_WORDS.has(`${word}s`)
  );
}

function hideAll(text: string, spellings: Iterable<string>): string {
  let shown = text;
  for (const spelling of spellings) shown = shown.replaceAll(spelling, REDACTED);
  return shown;
}

function spellAll(values: readonly string[]): string[] {
  // The longest first: a short one may be a part of it, and would leave the rest standing.
  return [...new Set(values.flatMap(spell))].sort((a, b) => b.length - a.length);
}

function spell(value: string): string[] {
  if (value.length < MIN_SECRET_LENGTH) return [];
  const bytes = Buffer.from(value);
  const percent = encodeURIComponent(value);
  // Inside of a longer text a value begins at any of three places of a group, which share their outer characters
  // with the bytes beside it.
  const base64 = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), bytes]).toString("base64").replace(/=+$/, "")
      .slice(before === 0 ? 0 : before + 1, -1)
  );
  return [
    value,
    // As JSON writes it, without its quotes.
    JSON.stringify(value).slice(1, -1),
    percent,
    percent.replace(/%../g, (code) => code.toLowerCase()),
    ...base64,
    ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
  ];
}
