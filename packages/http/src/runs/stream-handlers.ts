/** Stream handlers: a run as server-sent events: its journal as it is recorded, or live, with what it says in between. */
import type { RunStreamEvent } from "@myelin/dendrite";
import type { Authorize, Scope } from "../authorize.ts";
import { eventStream, type Frame } from "../event-stream.ts";
import { HttpProblem } from "../problem.ts";
import { findRun } from "./find-run.ts";
import { invalidParameter } from "./parameters.ts";
import type { RunCall, RunHandlers, RunParts } from "./run-parts.ts";
import { toWire } from "./wire.ts";

/**
 * The id of the last frame. A browser's EventSource comes back when a stream ends, and sends it as `Last-Event-ID`: it is
 * answered 204 then, which tells it to stay away.
 */
export const END_ID = "end";

export function streamHandlers(parts: RunParts): RunHandlers<"streamEvents"> {
  return {
    async streamEvents(call) {
      const { request, reads, runId, query, scope } = call;
      const after = lastEventId(request) ?? query.after;
      const { verbs } = parts;
      if (query.deltas && verbs === null) {
        throw invalidParameter("deltas", "is not served here: this router only reads what is recorded");
      }
      await findRun(reads, runId, request.signal);
      if (after === END_ID) return new Response(null, { status: 204 });
      const { tenantId } = scope;
      return respond(parts, call, async (signal) =>
        query.deltas
          ? liveToEnd(verbs!.follow(runId, { afterSequenceIndex: after, tenantId, signal }), call, after, signal)
          : recorded(call, after, signal),
      );
    },
  };
}

/**
 * Frames as the answer to a request, while there is room for its stream. `open` gets a signal that aborts when the client is
 * gone, or may no longer; what it rejects with is the answer, as of any route.
 */
export async function respond(
  { streams, authorize, timing, logger }: RunParts,
  { request, scope }: Pick<RunCall<"streamEvents">, "request" | "scope">,
  open: (signal: AbortSignal) => Promise<AsyncIterable<Frame>>,
): Promise<Response> {
  const place = streams.enter();
  const leaving = new AbortController();
  const leave = () => leaving.abort(new DOMException("nobody reads the stream any more", "AbortError"));
  request.signal.addEventListener("abort", leave, { once: true });
  const onClose = () => {
    request.signal.removeEventListener("abort", leave);
    leave();
    place[Symbol.dispose]();
  };
  try {
    const isAllowed = () => stillAllowed(authorize, request, scope);
    return eventStream(await open(leaving.signal), { ...timing, signal: request.signal, isAllowed, onClose, logger });
  } catch (error) {
    onClose();
    throw error;
  }
}

/** Rejects when `authorize` fails; a 401 or 403 that it throws is its word. */
async function stillAllowed(authorize: Authorize, request: Request, { tenantId }: Scope): Promise<boolean> {
  try {
    const scope = await authorize(request);
    return scope !== null && scope.tenantId === tenantId;
  } catch (error) {
    if (error instanceof HttpProblem && (error.status === 401 || error.status === 403)) return false;
    throw error;
  }
}

async function* recorded(
  { reads, runId }: Pick<RunCall<"streamEvents">, "reads" | "runId">,
  after: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<Frame, void, void> {
  for await (const event of reads.streamEvents(runId, { afterSequenceIndex: after, signal })) {
    yield { id: String(event.sequenceIndex), event: event.eventType, data: toWire(event) };
  }
  if (signal.aborted) return;
  const run = await reads.getRun(runId);
  if (run !== null) yield endOf(runId, run.status);
}

/** Events of `dendrite.runs` as frames, and the end of the run, or its pause where they end with it. */
export async function* live(events: AsyncIterable<RunStreamEvent>): AsyncGenerator<Frame, void, void> {
  let last: RunStreamEvent | undefined;
  for await (const event of events) {
    last = event;
    // Where a client goes on: behind the last one that is in the journal.
    const id = event.sequenceIndex === null ? undefined : String(event.sequenceIndex);
    yield { id, event: event.type, data: toFrameData(event) };
  }
  const status = last && statusAfter(last);
  if (last && status) yield endOf(last.runId, status);
}

/**
 * `live`, and the end of the run also for who came back behind its last entry: nothing tells it any more, and without it an
 * EventSource would come back for ever. As recorded: the records may be a moment behind the log, and are waited for.
 */
async function* liveToEnd(
  events: AsyncIterable<RunStreamEvent>,
  call: Pick<RunCall<"streamEvents">, "reads" | "runId">,
  after: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<Frame, void, void> {
  for await (const frame of live(events)) {
    yield frame;
    if (frame.id === END_ID) return;
  }
  if (signal.aborted) return;
  for await (const frame of recorded(call, after, signal)) if (frame.id === END_ID) yield frame;
}

/** A result is a record of ours; what a tool gave is its own. */
const toFrameData = (event: RunStreamEvent): unknown =>
  event.type === "run_completed" ? { ...toWire(event), result: toWire(event.result) } : toWire(event);

function statusAfter(event: RunStreamEvent): string | null {
  switch (event.type) {
    case "run_completed":
      return event.result.status;
    case "run_error":
      return "error";
    case "run_cancelled":
      return "cancelled";
    case "run_paused":
      return event.pause.status;
    default:
      return null;
  }
}

const endOf = (runId: string, status: string): Frame => ({
  id: END_ID,
  event: "end",
  data: { run_id: runId, status },
});

/** A wrong one is refused: taken for none, it would send everything again. */
function lastEventId({ headers }: Request): number | typeof END_ID | undefined {
  const id = headers.get("last-event-id");
  if (id === null || id === "") return undefined;
  if (id === END_ID) return END_ID;
  if (/^\d{1,9}$/.test(id)) return Number(id);
  throw invalidParameter("Last-Event-ID", `must be the id of a frame, got ${JSON.stringify(id.slice(0, 80))}`);
}
