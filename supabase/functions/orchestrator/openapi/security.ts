// Whom a route is for, in the words of OpenAPI: the levels of routes/access.ts as requirements.
import type { AccessLevel } from "../../_shared/http/access.ts";

export type SecurityScheme =
  & { description: string }
  & (
    | { type: "http"; scheme: "bearer"; bearerFormat?: string }
    | { type: "apiKey"; in: "header" | "query"; name: string }
  );

/** One of a list must be fulfilled; the names in it are roles. */
type SecurityRequirement = Record<string, string[]>;

export const SECURITY_SCHEMES: Record<string, SecurityScheme> = {
  secretKey: {
    type: "apiKey",
    in: "header",
    name: "apikey",
    description: "A secret key of the project (sb_secret_…).",
  },
  serviceKey: {
    type: "http",
    scheme: "bearer",
    description: "The same secret key, the service_role key, or EDGE_SERVICE_JWT, as Bearer.",
  },
  userToken: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description:
      "The access token of somebody who is signed in and has the role that is named: viewer " +
      "or operator, where an operator may do what a viewer may; no role is needed where none is " +
      "named. The publishable key goes along as `apikey`.",
  },
};

const OF_SERVICES: SecurityRequirement[] = [{ secretKey: [] }, { serviceKey: [] }];

/** An open route is told by its entry what it asks for, if anything. */
export function describeSecurity(
  level: AccessLevel,
  credential: Record<string, SecurityScheme> = {},
): SecurityRequirement[] {
  switch (level) {
    case "open":
      return Object.keys(credential).map((name) => ({ [name]: [] }));
    case "service":
      return OF_SERVICES;
    case "user":
      return [...OF_SERVICES, { userToken: [] }];
    default:
      return [...OF_SERVICES, { userToken: [level] }];
  }
}
