// The part of Realtime that servers use: broadcasts by HTTP. Nobody listens here: what was sent is kept for
// tests. https://supabase.com/docs/guides/realtime/broadcast
import type { Caller } from "./role_pool.ts";

export interface BroadcastMessage {
  topic: string;
  event: string;
  payload: Record<string, unknown>;
  private: boolean;
}

const MESSAGES_KEPT = 1_000;

export class RealtimeApi {
  #messages: BroadcastMessage[] = [];

  /** The last messages, oldest first. */
  get messages(): readonly BroadcastMessage[] {
    return this.#messages;
  }

  /** Answers POST api/broadcast; a private message is taken of the service alone, as no policy lets others. */
  async handle(request: Request, caller: Caller, path: string): Promise<Response> {
    if (path !== "api/broadcast" || request.method !== "POST") {
      return Response.json({ message: "not found" }, { status: 404 });
    }
    const messages = readMessages(await request.json().catch(() => null));
    if (messages === null) {
      return Response.json({ errors: { messages: ["can't be blank"] } }, { status: 422 });
    }
    const allowed = messages.filter((it) => !it.private || caller.role === "service_role");
    this.#messages = [...this.#messages, ...allowed].slice(-MESSAGES_KEPT);
    return new Response(null, { status: 202 });
  }
}

function readMessages(body: unknown): BroadcastMessage[] | null {
  const messages = (body as { messages?: unknown } | null)?.messages;
  if (!Array.isArray(messages) || messages.length === 0) return null;
  const isValid = messages.every((it) =>
    typeof it?.topic === "string" && typeof it.event === "string" && typeof it.payload === "object"
  );
  return isValid ? messages.map((it) => ({ ...it, private: it.private === true })) : null;
}
