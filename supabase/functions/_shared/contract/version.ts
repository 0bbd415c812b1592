// The version of this code, for whoever looks at a running project from outside.

/** Set by a release. */
export const VERSION = "0.1.0-dev";
