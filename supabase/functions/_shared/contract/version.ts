// The version of this code, for whoever looks at a running project from outside.

/** Set by a release. */
export const VERSION = "0.1.0-dev";

/**
 * What this code needs of the database, as `get_schema_version` tells it. Raised together with that function,
 * by a migration that brings what the code calls.
 */
export const SCHEMA_VERSION = 1;
