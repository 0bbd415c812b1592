// How the model reads a workflow: as it is written, not as it is compiled, so that the property test
// judges the compiler as well.
import type { Inputs, Join, StepSource, WorkflowSource } from "./case.ts";

const STATUS_TEST = /^steps\.(\w+)\.status == "(\w+)"$/;

export class Reading {
  readonly #steps: Map<string, StepSource>;
  readonly #inputs: Inputs;

  constructor({ steps, on_failure = [] }: WorkflowSource, inputs: Inputs) {
    this.#steps = new Map([...steps, ...on_failure].map((step) => [step.id, step]));
    this.#inputs = inputs;
  }

  /** Its own dependencies, and those of the step that it is the else of. */
  listDependencies(step: StepSource): string[] {
    const other = this.#findOther(step);
    const inherited = other === null ? [] : this.listDependencies(other);
    return [...new Set([...step.depends_on ?? [], ...inherited])];
  }

  readJoin(step: StepSource): Join | null {
    const other = this.#findOther(step);
    return step.join ?? (other === null ? null : this.readJoin(other));
  }

  /** All conditions before it in its chain are false, and its own is true. */
  isMet(step: StepSource, statusOf: (stepId: string) => string): boolean {
    const test = (condition: string) => this.#test(condition, statusOf);
    return !this.#listUnless(step).some(test) && (step.if === undefined || test(step.if));
  }

  readList(step: StepSource): number[] {
    return this.#inputs[readName(step.for_each!)] as number[];
  }

  /** The condition of the trigger, `event.payload.<name>`. */
  isOpen(condition: string): boolean {
    return this.#inputs[readName(condition)] === true;
  }

  #findOther({ else_of }: StepSource): StepSource | null {
    return else_of === undefined ? null : this.#steps.get(else_of)!;
  }

  #listUnless(step: StepSource): string[] {
    const other = this.#findOther(step);
    return other === null ? [] : [...this.#listUnless(other), other.if!];
  }

  #test(condition: string, statusOf: (stepId: string) => string): boolean {
    const match = STATUS_TEST.exec(condition);
    if (match === null) return this.#inputs[readName(condition)] === true;
    return statusOf(match[1]) === match[2];
  }
}

/** The last name of a path such as `inputs.c0`. */
function readName(path: string): string {
  return path.split(".").at(-1)!;
}
