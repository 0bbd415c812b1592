// What GET /openapi.json needs to know of a route: one entry each, in entries/. Whom a route is for is
// not said here but in routes/access.ts, and the errors that every route can give are added.
import type { z } from "zod";
import type { SecurityScheme } from "./security.ts";

export const TAGS = {
  "Starting runs": "What apps call.",
  "Runs": "What became of runs, and a hand on them.",
  "Jobs": "The steps of runs, dead letters among them.",
  "Agents": "What agents call back.",
  "Workflows": "The registry of workflow files.",
  "Schedules": "When workflows run by themselves.",
  "Webhooks": "What other services send.",
  "Triggers": "What the holders of trigger keys start.",
  "Notifications": "Who is told of what, and what was sent to them.",
  "Rate limits": "Buckets and their policies.",
  "Operating": "The state of everything.",
} as const;

export interface RouteEntry {
  tag: keyof typeof TAGS;
  /** Unique, for clients that are generated: `cancelRun`. */
  operationId: string;
  summary: string;
  description?: string;
  /** Schemas of the path's parameters, each with a description. */
  path?: Record<string, z.ZodType>;
  query?: z.ZodObject;
  /** Of the request, as far as the route reads them itself. */
  headers?: Record<string, z.ZodType>;
  body?: RouteBody;
  /** By status. */
  answers: Record<number, RouteAnswer>;
  /** Why this route, other than any, answers so: by status, as problem details. */
  errors?: Record<number, string>;
  /** Of an open route: what it asks for instead of a key of the project; left out if nothing. */
  credential?: Record<string, SecurityScheme>;
}

export interface RouteBody {
  /** One that takes `undefined` makes the body optional. */
  schema: z.ZodType;
  /** application/json if not given. */
  mediaType?: string;
  examples?: Record<string, { summary: string; value: unknown }>;
}

export interface RouteAnswer {
  description: string;
  /** Left out: no body. */
  schema?: z.ZodType;
  /** application/json if not given. */
  mediaType?: string;
  /** The same in other forms, by media type, for who asks for them. */
  others?: Record<string, z.ZodType>;
  headers?: Record<string, string>;
  example?: unknown;
}

export type RouteEntries = Record<string, RouteEntry>;
