// Why an evaluation ends without a value. No Error: `exists`, `all`, `&&` and `||` may swallow
// thousands of these, and a stack trace each would be most of the work.

export class Failure {
  readonly message: string;
  /** Names that may have been meant; asked for only once the failure is told to someone. */
  readonly findNear: () => string[];

  constructor(message: string, findNear: () => string[] = () => []) {
    this.message = message;
    this.findNear = findNear;
  }
}

/** A limit was reached: never swallowed, or the loop that reached it would go on. */
export class LimitFailure extends Failure {}
