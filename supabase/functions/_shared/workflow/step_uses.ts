// Which steps a step's expressions name, as the check found them, by the names in its own file.

export interface StepUses {
  /** In `if`. */
  condition: readonly string[];
  /** In for_each, with and wait.match; of a `use` step in its arguments. */
  values: readonly string[];
  /** In compensate.with. */
  compensate: readonly string[];
  hasExpressions: boolean;
  compensateHasExpressions: boolean;
}

export const NO_USES: StepUses = {
  condition: [],
  values: [],
  compensate: [],
  hasExpressions: false,
  compensateHasExpressions: false,
};
