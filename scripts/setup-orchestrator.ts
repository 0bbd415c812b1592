// Sets a project up, or brings it up to date: the buckets, the workflow files and their templates, the
// published definitions, Vault with the key that signs agent tokens, and pg_cron. The same for the local
// stack and for hosted projects; safe to repeat.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readProjectNames } from "./project_names.ts";
import { OrchestratorError, type Problem } from "../supabase/functions/_shared/contract/errors.ts";
import { listRetention } from "../supabase/functions/_shared/contract/retention.ts";
import { readSettings, type Settings } from "../supabase/functions/_shared/contract/settings.ts";
import type { CompiledWorkflow } from "../supabase/functions/_shared/contract/compiled_workflow.ts";
import { connect } from "../supabase/functions/_shared/database/client.ts";
import type { Rpc } from "../supabase/functions/_shared/database/rpc.ts";
import {
  keepSigningKey,
  type KeyMode,
} from "../supabase/functions/_shared/agent_token/signing_key.ts";
import { ARCHIVE_BUCKET, ArchiveBucket } from "../supabase/functions/_shared/archive/bucket.ts";
import { OUTPUT_BUCKET, OutputBucket } from "../supabase/functions/_shared/outputs/bucket.ts";
import {
  readKeyOfFileName,
  WORKFLOW_BUCKET,
  WorkflowBucket,
} from "../supabase/functions/_shared/registry/bucket.ts";
import { checkSource, publishChecked } from "../supabase/functions/_shared/registry/publish.ts";
import { checkTemplateFile } from "../supabase/functions/_shared/workflow/compile.ts";
import { formatProblems } from "../supabase/functions/_shared/workflow/format_problems.ts";
import {
  nameTemplateFile,
  TEMPLATE_FOLDER,
} from "../supabase/functions/_shared/workflow/template_book.ts";

export interface SetUpOptions {
  url: string;
  /** A secret key, or the legacy service_role key. */
  serviceKey: string;
  /** The folder that holds workflows/. */
  root: string;
  /** Where Postgres reaches the functions, if not under `url`. */
  baseUrl?: string;
  /** What becomes of the key that signs agent tokens; made if there is none unless told otherwise. */
  tokenKey?: KeyMode;
  /** Only tells what would be done. */
  dryRun?: boolean;
  onProgress?: (line: string) => void;
}

export interface SetUpResult {
  isBucketNew: boolean;
  files: { file: string; isUploaded: boolean; workflowKey: string; isPublished: boolean }[];
  templates: { file: string; isUploaded: boolean }[];
  cronJobs: { name: string; schedule: string }[];
}

/** A file by its name in the bucket. */
interface FileText {
  file: string;
  source: string;
}

interface WorkflowText extends FileText {
  workflow: CompiledWorkflow;
}

const PAST = {
  create: "created",
  upload: "uploaded",
  publish: "published",
  make: "made",
  store: "stored",
  schedule: "scheduled",
} as const;

type Tell = (verb: keyof typeof PAST, rest: string) => void;

/** Workflow files that cannot be published; the message shows their problems as a compiler would. */
export class InvalidWorkflowsError extends Error {
  constructor(report: string, readonly problems: Problem[]) {
    super(`${report}\nthe workflow files have problems, so nothing was changed`);
  }
}

/** Does it all; throws before it touches anything if a workflow file has problems. */
export async function setUp(options: SetUpOptions): Promise<SetUpResult> {
  const { url, serviceKey, root, baseUrl = url, tokenKey = "ensure", dryRun = false } = options;
  const tell: Tell = (verb, rest) =>
    options.onProgress?.(dryRun ? `would ${verb} ${rest}` : `${PAST[verb]} ${rest}`);
  const { rpc, storage } = connect(url, serviceKey);
  const bucket = new WorkflowBucket(storage);
  const settings = await loadSettings(url, rpc);
  const folder = join(root, "workflows");
  const templates = await readTemplates(folder);
  const texts = await checkFiles(await readFiles(folder), templates, settings);

  const isBucketNew = dryRun
    ? !await bucket.exists()
    : await bucket.create(settings.workflowMaxBytes);
  if (isBucketNew) tell("create", `the private bucket ${WORKFLOW_BUCKET}`);
  const outputs = new OutputBucket(storage);
  if (dryRun ? !await outputs.exists() : await outputs.create()) {
    tell("create", `the private bucket ${OUTPUT_BUCKET}`);
  }
  const archive = new ArchiveBucket(storage);
  if (settings.archiveHistory > 0 && (dryRun ? !await archive.exists() : await archive.create())) {
    tell("create", `the private bucket ${ARCHIVE_BUCKET}`);
  }
  const uploaded = new Set<string>();
  // Templates first: whoever publishes a workflow from the bucket needs them.
  for (const { file, source } of [...templates, ...texts]) {
    if (!(dryRun && isBucketNew) && await bucket.download(file) === source) continue;
    if (!dryRun) await bucket.upload(file, source);
    tell("upload", file);
    uploaded.add(file);
  }

  const published = await publishAll(texts, rpc, dryRun, tell);
  const { cron_jobs } = dryRun ? { cron_jobs: [] } : await rpc.configureOrchestrator({
    baseUrl,
    serviceKey,
    settings: listRetention(settings),
  });
  tell("store", `${baseUrl} and the service key in Vault`);
  const signsFrom = await makeTokenKey(rpc, tokenKey, dryRun);
  if (signsFrom !== null) tell("make", `a key that signs agent tokens${signsFrom}`);
  if (dryRun) tell("schedule", "the pg_cron jobs");
  for (const { name, schedule } of cron_jobs) tell("schedule", `${name} by pg_cron: ${schedule}`);
  return {
    isBucketNew,
    files: texts.map(({ file, workflow }) => ({
      file,
      isUploaded: uploaded.has(file),
      workflowKey: workflow.key,
      isPublished: published.has(file),
    })),
    templates: templates.map(({ file }) => ({ file, isUploaded: uploaded.has(file) })),
    cronJobs: cron_jobs,
  };
}

/** What is to be said of a new key, or null where the one that is there stays. */
async function makeTokenKey(rpc: Rpc, mode: KeyMode, dryRun: boolean): Promise<string | null> {
  if (dryRun) {
    return mode !== "ensure" || (await rpc.listAgentTokenKeys()).length === 0 ? "" : null;
  }
  const { result, signs_from } = await keepSigningKey(rpc, mode);
  if (result === "kept") return null;
  return mode === "rotate" ? `, from ${new Date(signs_from).toISOString()} on` : "";
}

/** Publishes what is not published yet, and tells which files that were. */
async function publishAll(
  texts: WorkflowText[],
  rpc: Rpc,
  dryRun: boolean,
  tell: Tell,
): Promise<Set<string>> {
  const published = new Set<string>();
  const stale = dryRun ? [] : await rpc.listStaleWorkflowFiles();
  const etags = new Map(stale.map(({ source_path, etag }) => [source_path, etag]));
  for (const { file, source, workflow } of texts) {
    const { key } = workflow;
    if (dryRun) {
      const known = await rpc.getWorkflow({ workflowKey: key });
      if (known?.source === source) continue;
      tell("publish", key);
    } else {
      const { result, version } = await publishChecked(
        { source, file, etag: etags.get(file) },
        workflow,
        rpc,
      );
      if (result === "unchanged") continue;
      tell("publish", `${key}, version ${version}`);
    }
    published.add(file);
  }
  return published;
}

async function readTemplates(folder: string): Promise<FileText[]> {
  try {
    const files = await readFiles(join(folder, TEMPLATE_FOLDER));
    return files.map(({ file, source }) => ({ file: `${TEMPLATE_FOLDER}/${file}`, source }));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** The YAML files of a folder, in the order of their names. */
async function readFiles(folder: string): Promise<FileText[]> {
  const files: string[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (isFile && readKeyOfFileName(name) !== null) files.push(name);
  }
  return await Promise.all(
    files.sort().map(async (file) => ({
      file,
      source: await Deno.readTextFile(join(folder, file)),
    })),
  );
}

/** Compiles all workflows; throws the problems of all files, those of unused templates as well. */
async function checkFiles(
  files: readonly FileText[],
  templates: readonly FileText[],
  settings: Settings,
): Promise<WorkflowText[]> {
  const sources = new Map([...templates, ...files].map(({ file, source }) => [file, source]));
  const bucket = {
    download: (name: string) => Promise.resolve(sources.get(name) ?? null),
    listTemplates: () => Promise.resolve(templates.map(readTemplateName)),
  };
  const texts: WorkflowText[] = [];
  const problems = templates.flatMap((template) =>
    checkTemplateFile(template.source, {
      file: template.file,
      settings,
      name: readTemplateName(template),
    })
  );
  const isTold = new Set(problems.map((problem) => JSON.stringify(problem)));
  for (const { file, source } of files) {
    const checked = await checkSource({ source, file }, { settings, bucket });
    if (checked.ok) texts.push({ file, source, workflow: checked.workflow });
    else problems.push(...checked.problems.filter((it) => !isTold.has(JSON.stringify(it))));
  }
  if (problems.length > 0) {
    throw new InvalidWorkflowsError(formatProblems(problems, sources), problems);
  }
  return texts;
}

/** `templates/slack_message.yml` is the template slack_message. */
function readTemplateName({ file }: FileText): string {
  const name = readKeyOfFileName(file.slice(TEMPLATE_FOLDER.length + 1)) ?? "";
  // Workflows look for .yml only.
  return nameTemplateFile(name) === file ? name : file;
}

async function loadSettings(url: string, rpc: Rpc): Promise<Settings> {
  try {
    return readSettings((name) => Deno.env.get(name), await rpc.getSettings());
  } catch (cause) {
    if (!(cause instanceof OrchestratorError) || cause.problems !== undefined) throw cause;
    if (cause.kind === "unavailable") {
      throw new Error(`cannot reach the project at ${url}`, { cause });
    }
    throw new Error(
      "cannot read the settings; check that the migrations are applied (supabase db push) and that " +
        "the key is a secret key or the service_role key of this project",
      { cause },
    );
  }
}

const HELP = `Sets up the orchestrator in a Supabase project. Safe to repeat.

  deno task setup [options]

  --url URL        the project, such as https://ref.supabase.co   (env SUPABASE_URL)
  --key KEY        a secret key, or the service_role key
                   (env SUPABASE_SECRET_KEY or SUPABASE_SERVICE_ROLE_KEY)
  --base-url URL   where Postgres reaches the functions, if not under --url;
                   with \`supabase start\` that is http://api.supabase.internal:8000
  --token-key HOW  rotate: make the next key that signs agent tokens, with an overlap;
                   replace: at once, after a leak. Without it: made if there is none
  --root FOLDER    the folder that holds workflows/ (default: this repository)
  --dry-run        tell what would be done, and touch nothing
  --help           this text`;

/** Runs the command line and returns the exit code: 0, 1 after an error, 2 for a wrong call. */
export async function runCommand(args: string[]): Promise<number> {
  const options = readArguments(args);
  if (typeof options === "string") {
    console.error(options);
    return 2;
  }
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  try {
    await setUp({ ...options, onProgress: (line) => console.log(line) });
    console.log(options.dryRun ? "nothing was touched" : "the orchestrator is set up");
    return 0;
  } catch (error) {
    console.error(describeError(error));
    return 1;
  }
}

function readArguments(args: string[]): string | (SetUpOptions & { help: boolean }) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        url: { type: "string" },
        key: { type: "string" },
        "base-url": { type: "string" },
        root: { type: "string" },
        "token-key": { type: "string" },
        "dry-run": { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
    const { url = "", serviceKey = "" } = readProjectNames(values);
    const help = values.help ?? false;
    if (!help && !URL.canParse(url)) return `--url must be a URL, got "${url}"\n\n${HELP}`;
    if (!help && serviceKey === "") return `--key is missing\n\n${HELP}`;
    const tokenKey = values["token-key"];
    if (tokenKey !== undefined && tokenKey !== "rotate" && tokenKey !== "replace") {
      return `--token-key must be rotate or replace, got "${tokenKey}"\n\n${HELP}`;
    }
    return {
      url: url.replace(/\/+$/, ""),
      serviceKey,
      root: values.root ?? join(import.meta.dirname!, ".."),
      baseUrl: values["base-url"]?.replace(/\/+$/, ""),
      tokenKey,
      dryRun: values["dry-run"] ?? false,
      help,
    };
  } catch (error) {
    return `${error instanceof Error ? error.message : error}\n\n${HELP}`;
  }
}

function describeError(error: unknown): string {
  const parts: string[] = [];
  for (let it: unknown = error; it instanceof Error; it = it.cause) parts.push(it.message);
  return parts.length > 0 ? parts.join(": ") : String(error);
}

if (import.meta.main) Deno.exit(await runCommand(Deno.args));
