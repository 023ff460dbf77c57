/** ProblemLog: what went wrong on the bus and nobody waits for. Bad messages are counted, and logged once per cause. */
import type { BusProblem, Logger } from "@myelin/bus";
import type { DendriteObserver } from "./observer.ts";

/** Causes remembered as logged. Subjects are a peer's to choose, so this has a bound. */
const MAX_LOGGED_CAUSES = 1_000;

/** What went wrong, as the log line says it. */
const EVENTS = {
  "handler-error": "handler.failed",
  "publish-error": "publish.failed",
  "consumer-error": "consumer.failed",
} satisfies Record<Exclude<BusProblem["type"], "bad-message" | "not-permitted">, string>;

export class ProblemLog {
  readonly #logger: Logger;
  readonly #observer: DendriteObserver;
  readonly #loggedCauses = new Set<string>();

  constructor(logger: Logger, observer: DendriteObserver) {
    this.#logger = logger;
    this.#observer = observer;
  }

  note(problem: BusProblem): void {
    if (problem.type === "not-permitted") {
      // The start of the subject is what the permission is about: one that is missing is one line, however much is sent.
      const cause = `NOT_PERMITTED ${problem.subject.split(".").slice(0, 4).join(".")}`;
      if (this.#isNew(cause)) this.#logger.error({ err: problem.error }, "bus.not.permitted");
      return;
    }
    if (problem.type !== "bad-message") {
      this.#logger.error({ err: problem.error }, EVENTS[problem.type]);
      return;
    }
    const { subject, bytes } = problem;
    const { code, message } = problem.problem;
    this.#observer.badMessage?.({ code });
    // Channel and type of the subject: one broken peer is one line, however much it sends.
    const cause = `${code} ${subject.split(".").slice(2, 4).join(".")}`;
    if (this.#isNew(cause)) this.#logger.warn({ code, message, subject, bytes: bytes.length }, "message.bad");
  }

  #isNew(cause: string): boolean {
    if (this.#loggedCauses.has(cause) || this.#loggedCauses.size > MAX_LOGGED_CAUSES) return false;
    this.#loggedCauses.add(cause);
    return true;
  }
}
