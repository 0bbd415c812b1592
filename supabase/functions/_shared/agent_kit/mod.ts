// The agent kit: what a function imports to be an agent of the orchestrator. Copy agent-proxy to
// begin with; see docs of the agent contract in the README.
export { type AgentReply, fail, type FailOptions, later, ok } from "./reply.ts";
export type { AgentCall, CallbackTarget } from "./agent_call.ts";
export { answerLater, callBack, type Delivery, sendHeartbeat } from "./callback.ts";
export type { Deadline } from "./deadline.ts";
export { type Agent, type AgentServerOptions, serveAgents } from "./serve.ts";
export type { ReplyStore } from "./replay.ts";
export { openDatabase } from "./connection.ts";
