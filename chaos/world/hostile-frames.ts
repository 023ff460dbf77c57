/**
 * Hostile frames: stands between a nats-server and its clients, and drops, doubles and reorders what it delivers. It knows
 * just enough of the NATS protocol to find where a delivery begins and ends:
 *
 *     MSG <subject> <sid> [reply] <bytes>\r\n<payload>\r\n      HMSG the same, with headers, and two numbers
 *
 * Only Signals and acknowledgements of appends are tampered with: what a client makes of a lost answer to a question that it
 * asks only once is its library's business.
 */
import type { Random } from "./random.ts";

/** Of 1,000 deliveries. */
export interface Hostility {
  readonly dropped: number;
  readonly doubled: number;
  /** Held back until some later ones have passed. */
  readonly delayed: number;
}

/** How many deliveries overtake one that is held back, at most; and how long it is held when none come. */
const OVERTAKERS = 4;
const LONGEST_HOLD_MS = 50;

type Pass = (bytes: Buffer) => void;

/** For `TcpProxyOptions.meddle`. */
export function hostileFrames(random: Random, hostility: Hostility): () => (bytes: Buffer, pass: Pass) => void {
  return () => {
    let rest: Buffer = Buffer.alloc(0);
    const held = new Held();
    return (bytes, pass) => {
      rest = Buffer.concat([rest, bytes]);
      for (let size = frameSize(rest); size !== null; size = frameSize(rest)) {
        const frame = rest.subarray(0, size);
        rest = rest.subarray(size);
        if (!isFairGame(frame)) {
          pass(frame);
          continue;
        }
        const chance = random.between(0, 999);
        const { dropped, doubled, delayed } = hostility;
        if (chance < dropped) continue;
        if (chance < dropped + doubled) pass(frame);
        if (chance >= dropped + doubled && chance < dropped + doubled + delayed) held.hold(frame, random, pass);
        else pass(frame);
        held.overtaken();
      }
    };
  };
}

/** Frames that wait for others to overtake them. */
class Held {
  readonly #letGo = new Map<() => void, number>();

  hold(frame: Buffer, random: Random, pass: Pass): void {
    const release = () => {
      clearTimeout(timer);
      if (this.#letGo.delete(release)) pass(frame);
    };
    const timer = setTimeout(release, LONGEST_HOLD_MS);
    this.#letGo.set(release, random.between(1, OVERTAKERS));
  }

  /** Another frame has passed. */
  overtaken(): void {
    for (const [release, left] of [...this.#letGo]) {
      if (left > 0) this.#letGo.set(release, left - 1);
      else release();
    }
  }
}

/** Bytes of the first frame; null while it is not all there. */
function frameSize(bytes: Buffer): number | null {
  const lineEnd = bytes.indexOf("\r\n");
  if (lineEnd < 0) return null;
  const head = lineEnd + 2;
  if (!isDelivery(bytes)) return head;
  const line = bytes.toString("latin1", 0, lineEnd);
  const size = head + Number(line.slice(line.lastIndexOf(" ") + 1)) + 2;
  return bytes.length < size ? null : size;
}

const isDelivery = (frame: Buffer): boolean => /^H?MSG /.test(frame.toString("latin1", 0, 5));

function isFairGame(frame: Buffer): boolean {
  if (!isDelivery(frame)) return false;
  const text = frame.toString("latin1", 0, 400);
  return /^H?MSG myelin\./.test(text) || /\r\n\{"stream":"MYELIN_\w+",[^{]*"seq":/.test(text);
}
