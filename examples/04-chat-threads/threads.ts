/** Threads: conversations of an application with an agent. The part to copy; its Map would be a table of yours. */
import type { ChatMessage, Dendrite, RunResult } from "myelin";

export class Threads {
  readonly #dendrite: Dendrite;
  readonly #messages = new Map<string, readonly ChatMessage[]>();

  constructor(dendrite: Dendrite) {
    this.#dendrite = dendrite;
  }

  /** One turn. The run knows of the conversation what you hand it, so what you edit, shorten or delete is yours to decide. */
  async say(threadId: string, text: string): Promise<RunResult> {
    const history = this.#messages.get(threadId) ?? [];
    const run = await this.#dendrite.run("support", { text, history, metadata: { thread_id: threadId } });
    if (run.answer !== null) {
      this.#messages.set(threadId, [
        ...history,
        { role: "user", content: text },
        { role: "assistant", content: run.answer },
      ]);
    }
    return run;
  }
}
