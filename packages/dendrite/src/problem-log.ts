/** ProblemLog: what went wrong on the bus and nobody waits for. Bad messages are counted, and logged once per cause. */
import type { BusProblem, Logger } from "@myelin/bus";
import type { DendriteObserver } from "./observer.ts";

/** Causes remembered as logged. Subjects are a peer's to choose, so this has a bound. */
const MAX_LOGGED_CAUSES = 1_000;

export class ProblemLog {
  readonly #logger: Logger;
  readonly #observer: DendriteObserver;
  readonly #loggedCauses = new Set<string>();

  constructor(logger: Logger, observer: DendriteObserver) {
    this.#logger = logger;
    this.#observer = observer;
  }

  note(problem: BusProblem): void {
    if (problem.type !== "bad-message") {
      const event = problem.type === "handler-error" ? "handler.failed" : "consumer.failed";
      this.#logger.error({ err: problem.error }, event);
      return;
    }
    const { subject, bytes } = problem;
    const { code, message } = problem.problem;
    this.#observer.badMessage?.({ code });
    // Channel and type of the subject: one broken peer is one line, however much it sends.
    const cause = `${code} ${subject.split(".").slice(2, 4).join(".")}`;
    if (this.#loggedCauses.has(cause) || this.#loggedCauses.size > MAX_LOGGED_CAUSES) return;
    this.#loggedCauses.add(cause);
    this.#logger.warn({ code, message, subject, bytes: bytes.length }, "message.bad");
  }
}
