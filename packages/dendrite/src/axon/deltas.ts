/**
 * Deltas: the text a run streams. Each piece goes out live; what was said is stored joined, at most twice a second, so
 * that nothing said is missing from the record and the log is not paid per token.
 */
import { createSignal, type Bus, type NewSignal, type SignalOf } from "@myelin/bus";

const STORE_EVERY_MS = 500;

export interface DeltasOptions {
  readonly bus: Bus;
  /** Everything of a THOUGHT_DELTA but its payload. */
  readonly envelope: Omit<NewSignal<"THOUGHT_DELTA">, "payload" | "type">;
  readonly isStored: boolean;
  readonly onStoreFailed: (error: unknown) => void;
}

export class Deltas {
  readonly #options: DeltasOptions;
  #seq = 0;
  #text = "";
  #kind: "text" | "reasoning" = "text";
  #textFrom = 0;
  #timer: NodeJS.Timeout | undefined;
  #storing: Promise<void> = Promise.resolve();

  constructor(options: DeltasOptions) {
    this.#options = options;
  }

  /** Send one piece. */
  say(delta: string, kind: "text" | "reasoning" = "text"): void {
    const seq = this.#seq++;
    this.#options.bus.publish(this.#signal(toPayload({ delta, seq }, kind)));
    if (!this.#options.isStored) return;
    // What is joined is of one kind.
    if (kind !== this.#kind) this.#store();
    this.#kind = kind;
    if (this.#text === "") this.#textFrom = seq;
    this.#text += delta;
    this.#timer ??= setTimeout(() => this.#store(), STORE_EVERY_MS).unref();
  }

  /** Store what is left; resolves when all of it is in the log. */
  async flush(): Promise<void> {
    this.#store();
    await this.#storing;
  }

  #store(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#text === "") return;
    const signal = this.#signal(toPayload({ delta: this.#text, seq: this.#textFrom, joined: true }, this.#kind));
    this.#text = "";
    // One after the other, so that the log holds the text in the order it was said.
    this.#storing = this.#storing
      .then(() => this.#options.bus.append(signal))
      .then(() => {}, this.#options.onStoreFailed);
  }

  #signal(payload: SignalOf<"THOUGHT_DELTA">["payload"]): SignalOf<"THOUGHT_DELTA"> {
    return createSignal({ ...this.#options.envelope, type: "THOUGHT_DELTA", payload });
  }
}

type Payload = SignalOf<"THOUGHT_DELTA">["payload"];
const toPayload = (payload: Payload, kind: "text" | "reasoning"): Payload =>
  kind === "text" ? payload : { ...payload, kind };
