/**
 * NatsLargeSignals: Signals above what the server takes in one message. Their bytes are stored as an object, a ticket travels
 * in their place, and whoever gets a ticket gets the Signal.
 */
import { BusError } from "../../protocol/errors.ts";
import { parseSignal, type ParsedSignal, type Signal } from "../../protocol/signal.ts";
import { encodeTicket, readTicket, type Ticket } from "../../protocol/ticket.ts";
import type { NatsObjects } from "./nats-objects.ts";

/** How long one fetch may take. */
const FETCH_MS = 15_000;
/** So that a slow connection has the time for it: a second for each MiB. */
const MS_PER_BYTE = 1_000 / 1024 ** 2;

/** What a message held, in full; or its own bytes and why that cannot be had. */
export interface Whole {
  readonly bytes: Uint8Array;
  readonly parsed: ParsedSignal;
}

export class NatsLargeSignals {
  readonly #objects: NatsObjects;
  readonly #maxBytes: number;

  constructor(objects: NatsObjects, maxBytes: number) {
    this.#objects = objects;
    this.#maxBytes = maxBytes;
  }

  /** Store a Signal's bytes. Resolves with what to send in their place. */
  async store(signal: Signal, bytes: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const reference = await this.#objects.put(bytes, timeoutMs + bytes.length * MS_PER_BYTE);
    return encodeTicket(signal, { reference, bytes: bytes.length });
  }

  /**
   * The Signal that a message stands for; null, at once, when it stands for itself. Rejects with `LogUnavailableError` when
   * it cannot be had at the moment, or with what else went wrong.
   */
  fetch(bytes: Uint8Array, parsed: ParsedSignal): Promise<Whole> | null {
    if (parsed.ok || parsed.problem.code !== "WRONG_VERSION") return null;
    const ticket = readTicket(bytes);
    return ticket && this.#fetch(bytes, ticket);
  }

  async #fetch(ticketBytes: Uint8Array, { reference, bytes: size }: Ticket): Promise<Whole> {
    try {
      const timeoutMs = FETCH_MS + Math.min(size, this.#maxBytes) * MS_PER_BYTE;
      const bytes = await this.#objects.get(reference, timeoutMs, this.#maxBytes);
      return { bytes, parsed: parseSignal(bytes) };
    } catch (error) {
      const isForGood =
        error instanceof BusError && (error.code === "OBJECT_NOT_FOUND" || error.code === "PAYLOAD_TOO_LARGE");
      if (!isForGood) throw error;
      return { bytes: ticketBytes, parsed: { ok: false, problem: { code: "BAD_OBJECT", message: error.message } } };
    }
  }
}
