// Parameters of paths that several routes have.
import { numeral, runId, stepId, version, workflowKey } from "../../fields.ts";

export const ofRun = { id: runId.describe("The run's id.") };
export const ofStep = { ...ofRun, step: stepId.describe("The step's id, as in the file.") };
export const ofJob = { id: numeral.describe("The job's id.") };
export const ofSchedule = { id: numeral.describe("The schedule's id.") };
export const ofWorkflow = { key: workflowKey.describe("The workflow's key.") };
export const ofVersion = { ...ofWorkflow, version: version.describe("From 1.") };
