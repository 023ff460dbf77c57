/**
 * eventStream: frames as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
 *
 * Pulled, never pushed: a frame is asked of its source when the client took the one before, so a slow client holds one
 * frame here and not a queue. Everything is let go of in every case: the source ended; the client left, does not read, or may
 * no longer.
 */
import { silentLogger, type Logger } from "@myelin/bus";
import { toProblem } from "./to-problem.ts";

export interface Frame {
  /** Where a client that comes back goes on: it sends the last one as `Last-Event-ID`. Default: not a place to go on from. */
  readonly id?: string | undefined;
  readonly event: string;
  readonly data: unknown;
}

/** Timing of the streams of a router. */
export interface StreamTiming {
  /** A comment is sent after so long without a frame, so that nothing between here and the client hangs up. */
  readonly heartbeatMs: number;
  /** How long a client should wait before it comes back. */
  readonly retryMs: number;
  /** How often it is asked again whether the client still may. */
  readonly reauthorizeMs: number;
}

export interface EventStreamOptions extends StreamTiming {
  /** Of the request: aborts when the client goes away. */
  readonly signal: AbortSignal;
  /** Whether the client still may. False ends the stream: who comes back is told why. A rejection tells nothing, and does not. */
  readonly isAllowed: () => Promise<boolean>;
  /** Called once, when nobody reads any more; a source that waits for something must then end. */
  readonly onClose: () => void;
  readonly logger?: Logger | undefined;
}

const HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  // no-transform: a compressing middleware would hold small frames back.
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
};

/**
 * Answer with the frames of a source. A source that throws ends the stream with an `event: problem`, whose data is a problem as
 * it would be in a body.
 */
export function eventStream(source: AsyncIterable<Frame>, options: EventStreamOptions): Response {
  const { signal, heartbeatMs, retryMs, reauthorizeMs, isAllowed, onClose, logger = silentLogger } = options;
  const frames = source[Symbol.asyncIterator]();
  let next: Promise<IteratorResult<Frame>> | undefined;
  let checkAt = performance.now() + reauthorizeMs;
  let stalledAt = performance.now() + STALLED_HEARTBEATS * heartbeatMs;
  let isPulling = false;
  let timer: NodeJS.Timeout | undefined;
  let watch: NodeJS.Timeout | undefined;
  let isFirst = true;
  let isClosed = false;
  let controller: ReadableStreamDefaultController<Uint8Array>;

  function close(): void {
    if (isClosed) return;
    isClosed = true;
    clearTimeout(timer);
    clearTimeout(watch);
    signal.removeEventListener("abort", leave);
    onClose();
    // What it was still about to say is nobody's.
    next?.catch(() => {});
    void Promise.resolve(frames.return?.()).catch(() => {});
  }
  function leave(): void {
    if (isClosed) return;
    close();
    controller.close();
  }

  /** Looks after the stream whether or not it is pulled: who does not read may no longer either, and must not keep its place. */
  function keepWatch(): void {
    const now = performance.now();
    if (!isPulling && now >= stalledAt) {
      logger.info({}, "http.stream.stalled");
      return leave();
    }
    if (now >= checkAt) {
      checkAt = now + reauthorizeMs;
      void reauthorize();
    }
    // Who is pulling gets a heartbeat, and is looked at again a heartbeat later.
    const lookAt = Math.min(checkAt, isPulling ? now + heartbeatMs : stalledAt);
    watch = setTimeout(keepWatch, Math.min(Math.max(1, Math.ceil(lookAt - now)), MAX_TIMER_MS)).unref();
  }
  async function reauthorize(): Promise<void> {
    try {
      if (!(await isAllowed())) leave();
    } catch (error) {
      logger.warn({ err: error }, "http.stream.reauthorize.failed");
    }
  }

  /** What to send next; null when it is over. */
  async function chunk(): Promise<string | null> {
    if (isFirst) {
      isFirst = false;
      return `retry: ${retryMs}\n\n`; // at once, so that the client knows it is connected
    }
    next ??= frames.next();
    const waited = await Promise.race([next, elapsed(heartbeatMs)]);
    clearTimeout(timer);
    if (waited === "elapsed") return ": keepalive\n\n";
    next = undefined;
    return waited.done ? null : encodeFrame(waited.value);
  }
  const elapsed = (ms: number) =>
    new Promise<"elapsed">((resolve) => {
      timer = setTimeout(resolve, Math.min(ms, MAX_TIMER_MS), "elapsed");
    });

  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>(
    {
      start(made) {
        controller = made;
        if (signal.aborted) return leave();
        signal.addEventListener("abort", leave, { once: true });
        keepWatch();
      },
      async pull() {
        let text: string | null;
        isPulling = true;
        try {
          text = await chunk();
        } catch (error) {
          if (isClosed) return;
          const problem = toProblem(error);
          logger.error({ err: error }, "http.stream.failed");
          controller.enqueue(encoder.encode(encodeFrame({ event: "problem", data: problem.toBody() })));
          text = null;
        } finally {
          isPulling = false;
          stalledAt = performance.now() + STALLED_HEARTBEATS * heartbeatMs;
        }
        if (isClosed) return;
        if (text !== null) return controller.enqueue(encoder.encode(text));
        leave();
      },
      cancel: close,
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { headers: HEADERS });
}

/** A client that took nothing for so many heartbeats does not read: it would have been sent as many comments. */
const STALLED_HEARTBEATS = 4;
/** The longest that setTimeout takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** JSON has no line breaks of its own, so that one `data:` line holds it. */
function encodeFrame({ id, event, data }: Frame): string {
  return `${id === undefined ? "" : `id: ${id}\n`}event: ${event.replace(/[\r\n]+/g, " ")}\ndata: ${JSON.stringify(data)}\n\n`;
}
