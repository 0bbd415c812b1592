// Looks at once whether the payload of a dispatch is what its workflow takes as inputs, so that a
// caller hears of a mistake in the answer and not from a failed run. Serves stage 2.
//
// Best effort: the start step of the run decides, by the definition that the run is bound to, however
// the run came about. So this may let a payload through (a definition that was published a moment ago,
// one of very many workflows in one request, a lookup that failed), but must not refuse one on the word
// of an old copy: before a refusal the definition is read anew.
import type { CompiledWorkflow } from "../_shared/contract/compiled_workflow.ts";
import { START_STEP_ID } from "../_shared/contract/compiled_workflow.ts";
import type { Problem } from "../_shared/contract/errors.ts";
import type { DispatchRequest } from "../_shared/database/rows.ts";
import type { Rpc } from "../_shared/database/rpc.ts";
import { logEvent } from "../_shared/log.ts";
import { type JsonSchema, validateInputs } from "../_shared/workflow/inputs.ts";

/** How long what was read of a workflow is believed, also that it has no schema. */
const MAX_AGE_MS = 5_000;

/** Workflows that are remembered. */
const MAX_REMEMBERED = 1_000;

/** Workflows that are read for one request. */
const MAX_READ = 20;

interface Remembered {
  /** Null: any payload is taken. */
  schema: Promise<JsonSchema | null>;
  readAt: number;
}

type Request = Pick<DispatchRequest, "workflow_key" | "payload">;

export class InputsCheck {
  readonly #rpc: Pick<Rpc, "getWorkflow">;
  readonly #now: () => number;
  readonly #remembered = new Map<string, Remembered>();

  constructor(rpc: Pick<Rpc, "getWorkflow">, now: () => number = Date.now) {
    this.#rpc = rpc;
    this.#now = now;
  }

  /** The problems of the payloads that do not fit, by the request's place in the list. */
  async findMisfits(requests: readonly Request[]): Promise<Map<number, Problem[]>> {
    const misfits = await this.#validate(requests, [...requests.keys()]);
    if (misfits.size === 0) return misfits;
    for (const index of misfits.keys()) {
      this.#remembered.delete(requests[index].workflow_key);
    }
    return await this.#validate(requests, [...misfits.keys()]);
  }

  async #validate(
    requests: readonly Request[],
    indexes: readonly number[],
  ): Promise<Map<number, Problem[]>> {
    const keys = new Set(indexes.map((index) => requests[index].workflow_key));
    const schemas = await this.#readSchemas([...keys]);
    const misfits = new Map<number, Problem[]>();
    if (schemas.size === 0) return misfits;
    for (const index of indexes) {
      const { workflow_key, payload } = requests[index];
      const schema = schemas.get(workflow_key);
      const problems = schema === undefined ? [] : findProblems(schema, payload ?? {});
      if (problems.length > 0) misfits.set(index, problems);
    }
    return misfits;
  }

  /** The schemas by workflow; workflows without one are left out. */
  async #readSchemas(keys: readonly string[]): Promise<Map<string, JsonSchema>> {
    let left = MAX_READ;
    const read = await Promise.all(keys.map(async (key) => {
      const remembered = this.#recall(key);
      if (remembered !== null) return { key, schema: await remembered };
      return { key, schema: left-- > 0 ? await this.#read(key) : null };
    }));
    const schemas = new Map<string, JsonSchema>();
    for (const { key, schema } of read) {
      if (schema !== null) schemas.set(key, schema);
    }
    return schemas;
  }

  #recall(key: string): Promise<JsonSchema | null> | null {
    const remembered = this.#remembered.get(key);
    const isFresh = remembered !== undefined &&
      this.#now() - remembered.readAt < MAX_AGE_MS;
    return isFresh ? remembered.schema : null;
  }

  #read(key: string): Promise<JsonSchema | null> {
    const entry: Remembered = {
      readAt: this.#now(),
      schema: this.#readOrForget(key, () => this.#forget(key, entry)),
    };
    // Put at the end, so that the oldest is the first to be forgotten.
    this.#remembered.delete(key);
    this.#remembered.set(key, entry);
    for (const oldest of this.#remembered.keys()) {
      if (this.#remembered.size <= MAX_REMEMBERED) break;
      this.#remembered.delete(oldest);
    }
    return entry.schema;
  }

  /** What nobody knows is not remembered: dispatch may publish it in the next moment. */
  async #readOrForget(key: string, forget: () => void): Promise<JsonSchema | null> {
    try {
      const workflow = await this.#rpc.getWorkflow({ workflowKey: key });
      if (workflow !== null) return findPayloadSchema(workflow.compiled);
    } catch (error) {
      logEvent("warn", "inputs.unchecked", { workflow_key: key, error });
    }
    forget();
    return null;
  }

  #forget(key: string, entry: Remembered): void {
    if (this.#remembered.get(key) === entry) this.#remembered.delete(key);
  }
}

/** What is wrong with a payload for this workflow, by its paths. */
export function findPayloadProblems(
  workflow: CompiledWorkflow,
  payload: Record<string, unknown>,
): Problem[] {
  const schema = findPayloadSchema(workflow);
  return schema === null ? [] : findProblems(schema, payload);
}

/** The problems of a payload in a sentence. */
export function describeMisfit([{ path, message }, ...others]: Problem[]): string {
  const more = others.length > 0 ? ` (and ${others.length} more)` : "";
  return `the payload does not fit the workflow's inputs: ${path} ${message}${more}`;
}

function findProblems(schema: JsonSchema, payload: Record<string, unknown>): Problem[] {
  const checked = validateInputs(schema, payload);
  if (checked.ok) return [];
  return checked.problems.map(({ path, message }) => ({
    path: path === "" || path.startsWith("[") ? `payload${path}` : `payload.${path}`,
    message,
  }));
}

/** The schema that the payload itself must fit; with trigger.inputs the inputs are made of it. */
function findPayloadSchema({ inputs, steps }: CompiledWorkflow): JsonSchema | null {
  const start = steps.find((step) => step.step_id === START_STEP_ID);
  return start?.config.start?.inputs === undefined ? inputs : null;
}
