/**
 * NatsOutbox: what is sent in one turn of the loop goes to the client as one piece.
 *
 * The client's own `publish()` tests the subject, makes a buffer for each part of a message and copies them all together at
 * the end of the turn: 1.6 µs, and as much again later for their garbage. One text for all messages of a turn takes 0.5. That
 * text is NATS' own protocol (https://docs.nats.io/reference/reference-protocols/nats-protocol#pub), and the client takes it
 * where its own publish() puts it.
 *
 * What is sent here keeps its order. The client's own commands (SUB, UNSUB, requests) may overtake it within a turn: whoever
 * must not is preceded by `flush()`.
 */
import { errors, type NatsConnection } from "@nats-io/nats-core";
import type { NatsConnectionImpl } from "@nats-io/nats-core/internal";
import { PayloadTooLargeError } from "../../protocol/errors.ts";

export interface SendOptions {
  readonly reply?: string | undefined;
  /** As NATS writes them, from `NATS/1.0` to the empty line. ASCII. */
  readonly headers?: string | undefined;
}

/** Characters of one piece: as much as the client writes at once. */
const LONGEST_TEXT = 128 * 1024;

export class NatsOutbox {
  readonly #nc: NatsConnection;
  #text = "";
  readonly #flush = () => this.flush();

  constructor(nc: NatsConnection) {
    this.#nc = nc;
  }

  /**
   * Send at the end of this turn. The subject is not checked: it is made of ids, or came from the server. Throws
   * `ClosedConnectionError` when the connection is closed, and `PayloadTooLargeError` when the server takes no such message.
   */
  send(subject: string, payload: string | Uint8Array, options: SendOptions = {}): void {
    const { reply, headers } = options;
    if (this.#nc.isClosed()) throw new errors.ClosedConnectionError();
    let size = typeof payload === "string" ? Buffer.byteLength(payload) : payload.length;
    const to = reply === undefined ? subject : `${subject} ${reply}`;
    let head: string;
    if (headers === undefined) head = `PUB ${to} ${size}\r\n`;
    else head = `HPUB ${to} ${headers.length} ${(size += headers.length)}\r\n${headers}`;
    // It would close the connection, and so would every attempt to send it again.
    const most = this.#nc.info?.max_payload ?? Infinity;
    if (size > most) throw new PayloadTooLargeError(`a message on ${subject}`, size, most);
    if (this.#text === "") queueMicrotask(this.#flush);
    if (typeof payload === "string") this.#text += `${head}${payload}\r\n`;
    else {
      this.#text += head;
      this.flush();
      this.#give(payload);
      this.#text = "\r\n";
      this.flush();
    }
    if (this.#text.length > LONGEST_TEXT) this.flush();
  }

  /** Give the client what was sent so far. */
  flush(): void {
    if (this.#text === "") return;
    const bytes = Buffer.from(this.#text);
    this.#text = "";
    this.#give(bytes);
  }

  #give(bytes: Uint8Array): void {
    (this.#nc as NatsConnectionImpl).protocol.sendCommand(bytes);
  }
}
