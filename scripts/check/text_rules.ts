// What may be named where. Rules over the text of sources, without I/O.
import type { RuleResult } from "./report.ts";
import { findMatches, type SourceFile } from "./source_text.ts";

interface TextRule {
  rule: string;
  pattern: RegExp;
  /** Look at the whole text, comments included; else at the code alone. */
  inComments?: boolean;
  appliesTo: (path: string) => boolean;
}

const SHARED = "supabase/functions/_shared/";
const isFunctionCode = (path: string) =>
  path.startsWith("supabase/functions/") && path.endsWith(".ts") && !path.endsWith("_test.ts");

const CREDENTIAL_WORDS = [
  ...["secret", "token", "signature", "password", "credential", "presented"],
  ...["api_?key", "service_?key", "jwt", "hmac", "digest", "hash"],
].join("|");
/** What by its name is a credential, or what one is checked against; a lease's token is shown to nobody. */
const CREDENTIAL = String.raw`(?:\w+\??\.)*(?!lease_token\b)\w*(?:${CREDENTIAL_WORDS})\w*\b`;

/** Texts are blanks here: whether something is empty, there, or of a type may be asked. */
const CREDENTIAL_COMPARISON = new RegExp(
  [
    String.raw`(?<![\w.]|\btypeof\s+)${CREDENTIAL}\s*[!=]==?\s*(?!(?:null|undefined)\b)[\w$([]`,
    String.raw`[\w$)\]]\s*[!=]==?\s*${CREDENTIAL}(?![.(])`,
    String.raw`\.(?:includes|indexOf|startsWith|endsWith|has|localeCompare)\(${CREDENTIAL}\)`,
  ].join("|"),
  "i",
);

const RULES: TextRule[] = [
  {
    rule: "only _shared/platform.ts reads the environment and the platform's globals",
    pattern: /\bDeno\s*\.\s*env\b|\bEdgeRuntime\b|\bprocess\s*\.\s*env\b|\bglobalThis\b/,
    appliesTo: (path) => isFunctionCode(path) && path !== `${SHARED}platform.ts`,
  },
  {
    rule: "only _shared/log.ts writes to the console",
    pattern: /\bconsole\b/,
    appliesTo: (path) => isFunctionCode(path) && path !== `${SHARED}log.ts`,
  },
  {
    rule: "only _shared/database calls the database's functions",
    pattern: /\.\s*rpc\s*(?:<[^()]*>)?\s*\(/,
    appliesTo: (path) => isFunctionCode(path) && !path.startsWith(`${SHARED}database/`),
  },
  {
    rule: "credentials are compared by _shared/http/constant_time.ts alone",
    pattern: CREDENTIAL_COMPARISON,
    appliesTo: (path) => isFunctionCode(path) && !/\/fake_\w+\.ts$/.test(path),
  },
  {
    rule: "scripts/stack does not name the orchestrator or what belongs to it",
    pattern:
      /(?<!wisely-)\borchestrator\b|\bagent-proxy\b|\bjob_queue\b|\bjob_attempts\b|\bworkflow_runs\b|\bintent_events\b|\brate_limits\b|\bworkflows?_key\b/i,
    inComments: true,
    appliesTo: (path) => path.startsWith("scripts/stack/"),
  },
  {
    rule: "nothing outside scripts/stack names its stand-ins",
    pattern: /\bstand-?ins?\b|@supabase\/lite\b|\bembedded-postgres\b/i,
    inComments: true,
    appliesTo: (path) =>
      !/^(scripts\/(stack|check)|tests\/stack)\//.test(path) &&
      /\.(ts|js|sql|toml|yml)$/.test(path),
  },
];

/** Checks every rule over all sources. */
export function checkTexts(files: readonly SourceFile[]): RuleResult[] {
  return RULES.map(({ rule, pattern, inComments = false, appliesTo }) => ({
    rule,
    breaches: files.filter(({ path }) => appliesTo(path)).flatMap(({ path, text, code }) =>
      findMatches(inComments ? text : code, pattern).map((match) => ({
        path,
        line: match.line,
        message: `names ${match.text}`,
      }))
    ),
  }));
}
