/** InFlight: how much a gateway takes on at once. What is beyond it is refused before it costs anything. */
import { HttpProblem } from "./problem.ts";

export interface InFlightLimits {
  /** Requests. */
  readonly maxInFlight: number;
  /** Bytes of their bodies, together. */
  readonly maxInFlightBytes: number;
}

/** The place of one request, until it is disposed. */
export interface Place extends Disposable {
  /** The body of this request has this many bytes, as far as is known. Throws `HttpProblem` 503 when all bodies are too much. */
  holds(bytes: number): void;
}

export class InFlight {
  readonly #limits: InFlightLimits;
  #requests = 0;
  #bytes = 0;

  constructor(limits: InFlightLimits) {
    this.#limits = limits;
  }

  /** Take a request on. Throws `HttpProblem` 503 when there are too many; nothing of it was read then. */
  enter(): Place {
    const { maxInFlight, maxInFlightBytes } = this.#limits;
    if (this.#requests >= maxInFlight) throw overloaded(`${this.#requests} requests are under way, which is the most`);
    this.#requests++;
    let held = 0;
    return {
      holds: (bytes) => {
        if (bytes <= held) return;
        if (this.#bytes + bytes - held > maxInFlightBytes) {
          throw overloaded(
            `the bodies of the requests under way have ${this.#bytes} bytes, of at most ${maxInFlightBytes}`,
          );
        }
        this.#bytes += bytes - held;
        held = bytes;
      },
      [Symbol.dispose]: () => {
        this.#requests--;
        this.#bytes -= held;
        held = 0;
      },
    };
  }
}

const overloaded = (why: string) =>
  new HttpProblem({ status: 503, code: "OVERLOADED", detail: `${why}; try again`, headers: { "retry-after": "2" } });
