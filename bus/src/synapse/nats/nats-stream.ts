/**
 * Streams: create one, or check that the one that is there keeps our promises. A namespace has up to three: its log, its keys and
 * its objects.
 *
 * The log never drops by itself: no age, no size that discards the old (a full log refuses the new), no deletes inside.
 * Whatever is stored is republished to `log`, by the server, after it is stored: that is T2. Only the fields we set are
 * compared, because newer servers add their own.
 */
import { BusError, NotPermittedError } from "../../protocol/errors.ts";
import {
  captureSubject,
  keyCaptureSubject,
  keyStreamName,
  objectCaptureSubjects,
  objectStreamName,
  republishSubject,
  streamName,
} from "../../protocol/subjects.ts";
import { API_CODE, askApi, describeError, type ApiError } from "./nats-api.ts";
import type { NatsLink } from "./nats-link.ts";
import type { ResolvedNatsOptions } from "./nats-options.ts";

const MS_NS = 1_000_000;
const SECOND_NS = 1_000_000_000;
/** Files are deleted meanwhile. */
const PURGE_TIMEOUT_MS = 30_000;

interface StreamSpec {
  readonly stream: string;
  readonly capture: string;
  /** What must be so on an existing stream too. */
  readonly required: Record<string, unknown>;
  /** What its creator chooses. Of several, the first that the server has room for. */
  readonly choices: readonly Record<string, unknown>[];
  /** What to do when there is room for none of them. */
  readonly makeRoom: string;
}

function logSpec(namespace: string, options: ResolvedNatsOptions): StreamSpec {
  const { logMaxBytes, logMaxBytesIsDefault, replicas } = options;
  return {
    stream: streamName(namespace),
    capture: captureSubject(namespace),
    required: {
      subjects: [captureSubject(namespace)],
      retention: "limits",
      storage: "file",
      discard: "new",
      max_age: 0,
      max_msgs: -1,
      max_msgs_per_subject: -1,
      // 2.15 allows 1,000 unless told otherwise when the stream is created (a consumer per neuron and lane, and per reader).
      max_consumers: 100_000,
      // About 225 bytes of server memory per id.
      duplicate_window: 120 * SECOND_NS,
      allow_direct: true,
      deny_delete: true,
      republish: { src: captureSubject(namespace), dest: republishSubject(namespace) },
    },
    // The server reserves max_bytes of every stream. Where it has no 10 GiB left, its own max_file_store bounds them all.
    choices: [
      { max_bytes: logMaxBytes, num_replicas: replicas },
      ...(logMaxBytesIsDefault ? [{ max_bytes: -1, num_replicas: replicas }] : []),
    ],
    makeRoom: `reserve ${logMaxBytes} bytes; lower logMaxBytes, or raise its max_file_store`,
  };
}

/** One message per key: its value. Its sequence in the stream is the revision. */
function keySpec(namespace: string, options: ResolvedNatsOptions): StreamSpec {
  return {
    stream: keyStreamName(namespace),
    capture: keyCaptureSubject(namespace),
    required: {
      subjects: [keyCaptureSubject(namespace)],
      retention: "limits",
      storage: "file",
      discard: "new",
      max_msgs: -1,
      max_msgs_per_subject: 1,
      // A put is recognised by the id that is stored with it, however late; the server need not remember it too.
      duplicate_window: SECOND_NS,
      deny_delete: true,
    },
    choices: [{ max_bytes: -1, max_age: options.keyMaxAgeMs * MS_NS, num_replicas: options.replicas }],
    makeRoom: "keep another stream; raise its limit",
  };
}

/** The messages of an object store: parts, and one for each name that says which. What nobody stores again expires. */
function objectSpec(namespace: string, options: ResolvedNatsOptions): StreamSpec {
  const subjects = objectCaptureSubjects(namespace);
  return {
    stream: objectStreamName(namespace),
    capture: subjects.join(" or "),
    required: { subjects, retention: "limits", storage: "file", discard: "new", allow_rollup_hdrs: true },
    choices: [
      {
        max_bytes: -1,
        max_age: options.objectMaxAgeMs * MS_NS,
        num_replicas: options.replicas,
        allow_direct: true,
        // Tells a part that is sent again, after a lost acknowledgement.
        duplicate_window: 60 * SECOND_NS,
      },
    ],
    makeRoom: "keep another stream; raise its limit",
  };
}

/** Make the log of a namespace, or check it. Any number of processes may do this at once. */
export async function ensureLog(link: NatsLink, namespace: string, options: ResolvedNatsOptions): Promise<void> {
  await refuseEavesdroppers(link, namespace);
  await ensureStream(link, logSpec(namespace, options));
}

/** Make the stream of a namespace's keys, or check it. Any number of processes may do this at once. */
export async function ensureKeys(link: NatsLink, namespace: string, options: ResolvedNatsOptions): Promise<void> {
  await ensureStream(link, keySpec(namespace, options));
}

/** Make the stream of a namespace's objects, or check it. Any number of processes may do this at once. */
export async function ensureObjects(link: NatsLink, namespace: string, options: ResolvedNatsOptions): Promise<void> {
  await ensureStream(link, objectSpec(namespace, options));
}

/** Make everything that a namespace keeps, or check it. */
export async function provision(link: NatsLink, namespace: string, options: ResolvedNatsOptions): Promise<void> {
  await ensureLog(link, namespace, options);
  await ensureKeys(link, namespace, options);
  await ensureObjects(link, namespace, options);
}

interface StreamInfoReply {
  config: Record<string, unknown>;
  created: string;
  state: { first_seq: number; last_seq: number; bytes: number };
}

async function ensureStream(link: NatsLink, spec: StreamSpec): Promise<void> {
  const existing = await streamConfig(link, spec.stream);
  if (existing) return assertNoDrift(spec, existing);
  const error = await createStream(link, spec).catch((reason: unknown) => {
    if (!(reason instanceof NotPermittedError)) throw reason;
    const what =
      `the stream ${spec.stream} is not there yet, and this user may not make it (the recorder's may: start it first, or ` +
      "`open` the namespace once with `provision: true`)";
    throw new NotPermittedError(what, reason.operation, reason.subject);
  });
  if (error === null) return;
  if (error.err_code !== API_CODE.streamNameInUse) throw creationError(spec, error);
  // Somebody else made it at the same moment, perhaps with another size.
  const theirs = await streamConfig(link, spec.stream);
  if (!theirs) throw creationError(spec, error);
  assertNoDrift(spec, theirs);
}

export async function streamInfo(link: NatsLink, namespace: string): Promise<StreamInfoReply> {
  const stream = streamName(namespace);
  const reply = await askApi<StreamInfoReply>(link, `$JS.API.STREAM.INFO.${stream}`, undefined);
  if (reply.ok) return reply.value;
  throw new BusError("LOG_CONFIG", `the stream ${stream} cannot be read: ${describeError(reply.error)}`);
}

/** Delete the log's entries below a sequence. */
export async function purgeStream(link: NatsLink, namespace: string, beforeSeq: number): Promise<void> {
  const stream = streamName(namespace);
  const { state } = await streamInfo(link, namespace);
  // Asked for more than it has, the server would go on counting from there, and leave a gap.
  const seq = Math.min(beforeSeq, state.last_seq + 1);
  // A purge up to 0 is a purge of everything.
  if (seq <= Math.max(1, state.first_seq)) return;
  const reply = await askApi(link, `$JS.API.STREAM.PURGE.${stream}`, { seq }, { timeoutMs: PURGE_TIMEOUT_MS });
  if (reply.ok) return;
  throw new BusError("LOG_CONFIG", `the stream ${stream} cannot be purged: ${describeError(reply.error)}`);
}

async function streamConfig(link: NatsLink, stream: string): Promise<Record<string, unknown> | null> {
  const reply = await askApi<StreamInfoReply>(link, `$JS.API.STREAM.INFO.${stream}`, undefined);
  if (reply.ok) return reply.value.config;
  if (reply.error.err_code === API_CODE.streamNotFound) return null;
  throw openError(stream, reply.error);
}

/** Null when it is there now. */
async function createStream(link: NatsLink, { stream, required, choices }: StreamSpec): Promise<ApiError | null> {
  let error: ApiError | null = null;
  for (const choice of choices) {
    const config = { ...required, ...choice, name: stream };
    const reply = await askApi(link, `$JS.API.STREAM.CREATE.${stream}`, config);
    if (reply.ok) return null;
    error = reply.error;
    // Two ways to refuse what cannot be reserved: 10023 and 10077.
    if (!cannotReserve(error)) return error;
  }
  return error;
}

/**
 * No foreign stream may listen on our subjects: one on `put` would take what we think is stored, one on `log` that republishes
 * would send everything round and round (147 messages in 200 ms).
 */
async function refuseEavesdroppers(link: NatsLink, namespace: string): Promise<void> {
  const own = streamName(namespace);
  for (const subject of [captureSubject(namespace), republishSubject(namespace)]) {
    const reply = await askApi<{ streams: string[] | null }>(link, "$JS.API.STREAM.NAMES", { subject });
    if (!reply.ok) throw openError(own, reply.error);
    const foreign = (reply.value.streams ?? []).find((name) => name !== own);
    if (foreign !== undefined) {
      throw new BusError(
        "LOG_CONFIG",
        `the stream ${foreign} captures ${subject}, which belongs to namespace ${namespace}: remove that subject from it`,
      );
    }
  }
}

function assertNoDrift({ stream, required }: StreamSpec, theirs: Record<string, unknown>): void {
  for (const [field, ours] of Object.entries(required)) {
    if (contains(theirs[field] ?? absentValue(ours), ours)) continue;
    throw new BusError(
      "LOG_CONFIG",
      `the stream ${stream} has ${field} ${JSON.stringify(theirs[field])}, it must be ` +
        `${JSON.stringify(ours)}: change the stream, or use another namespace`,
    );
  }
}

/** The server leaves out what is false or 0. */
function absentValue(ours: unknown): unknown {
  if (typeof ours === "boolean") return false;
  return typeof ours === "number" ? 0 : undefined;
}

/** True when `theirs` has everything `ours` has. */
function contains(theirs: unknown, ours: unknown): boolean {
  if (Array.isArray(ours)) {
    return Array.isArray(theirs) && theirs.length === ours.length && ours.every((one, at) => contains(theirs[at], one));
  }
  if (typeof ours === "object" && ours !== null) {
    if (typeof theirs !== "object" || theirs === null) return false;
    return Object.entries(ours).every(([key, value]) => contains((theirs as Record<string, unknown>)[key], value));
  }
  return theirs === ours;
}

const cannotReserve = (error: ApiError): boolean =>
  error.err_code === API_CODE.storageExceeded || error.err_code === API_CODE.accountResourcesExceeded;

function openError(stream: string, error: ApiError): BusError {
  const off: (number | undefined)[] = [API_CODE.jetStreamNotEnabled, API_CODE.jetStreamNotEnabledForAccount];
  if (off.includes(error.err_code)) {
    return new BusError("SERVER_UNSUITABLE", "the NATS server has no JetStream for this account: enable it there");
  }
  return new BusError("LOG_CONFIG", `the stream ${stream} cannot be opened: ${describeError(error)}`);
}

function creationError({ stream, capture, makeRoom }: StreamSpec, error: ApiError): BusError {
  const cannot = `the stream ${stream} cannot be created`;
  switch (error.err_code) {
    case API_CODE.storageExceeded:
    case API_CODE.accountResourcesExceeded:
      return new BusError("LOG_CONFIG", `${cannot}: the server cannot ${makeRoom}`);
    case API_CODE.maxBytesRequired:
      return new BusError("LOG_CONFIG", `${cannot}: the account demands a size it can reserve; set logMaxBytes`);
    case API_CODE.subjectOverlap:
      return new BusError("LOG_CONFIG", `${cannot}: another stream captures ${capture}; remove that subject from it`);
    default:
      return openError(stream, error);
  }
}
