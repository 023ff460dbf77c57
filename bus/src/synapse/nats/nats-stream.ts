/**
 * The stream behind a namespace: create it, or check that the one that is there keeps our promises.
 *
 * It never drops by itself: no age, no size that discards the old (a full log refuses the new), no deletes inside. Whatever
 * is stored is republished to `log`, by the server, after it is stored: that is T2. Only the fields we set are compared,
 * because newer servers add their own.
 */
import { BusError } from "../../protocol/errors.ts";
import { captureSubject, republishSubject, streamName } from "../../protocol/subjects.ts";
import { API_CODE, askApi, describeError, type ApiError } from "./nats-api.ts";
import type { NatsLink } from "./nats-link.ts";
import type { ResolvedNatsOptions } from "./nats-options.ts";

const SECOND_NS = 1_000_000_000;

/** What must be so on an existing log too. Its size and its copies are its creator's choice. */
function requiredConfig(namespace: string) {
  return {
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
  };
}

interface StreamInfoReply {
  config: Record<string, unknown>;
  created: string;
  state: { first_seq: number; last_seq: number; bytes: number };
}

/** Make the stream of a namespace, or check it. Any number of processes may do this at once. */
export async function ensureStream(link: NatsLink, namespace: string, options: ResolvedNatsOptions): Promise<void> {
  await refuseEavesdroppers(link, namespace);
  const existing = await streamConfig(link, namespace);
  if (existing) return assertNoDrift(namespace, existing);
  const error = await createStream(link, namespace, options);
  if (error === null) return;
  if (error.err_code !== API_CODE.streamNameInUse) throw creationError(namespace, error, options);
  // Somebody else made it at the same moment, perhaps with another size.
  const theirs = await streamConfig(link, namespace);
  if (!theirs) throw creationError(namespace, error, options);
  assertNoDrift(namespace, theirs);
}

export async function streamInfo(link: NatsLink, namespace: string): Promise<StreamInfoReply> {
  const stream = streamName(namespace);
  const reply = await askApi<StreamInfoReply>(link, `$JS.API.STREAM.INFO.${stream}`, undefined);
  if (reply.ok) return reply.value;
  throw new BusError("LOG_CONFIG", `the stream ${stream} cannot be read: ${describeError(reply.error)}`);
}

async function streamConfig(link: NatsLink, namespace: string): Promise<Record<string, unknown> | null> {
  const stream = streamName(namespace);
  const reply = await askApi<StreamInfoReply>(link, `$JS.API.STREAM.INFO.${stream}`, undefined);
  if (reply.ok) return reply.value.config;
  if (reply.error.err_code === API_CODE.streamNotFound) return null;
  throw openError(stream, reply.error);
}

/** Null when it is there now. */
async function createStream(link: NatsLink, namespace: string, options: ResolvedNatsOptions): Promise<ApiError | null> {
  const stream = streamName(namespace);
  const create = async (maxBytes: number): Promise<ApiError | null> => {
    const config = {
      ...requiredConfig(namespace),
      name: stream,
      max_bytes: maxBytes,
      num_replicas: options.replicas,
    };
    const reply = await askApi(link, `$JS.API.STREAM.CREATE.${stream}`, config);
    return reply.ok ? null : reply.error;
  };
  const error = await create(options.logMaxBytes);
  // The server reserves max_bytes of every stream. Where it has no 10 GiB left, its own max_file_store bounds them all, and
  // refuses in the same way (10023 instead of 10077).
  if (cannotReserve(error) && options.logMaxBytesIsDefault) return create(-1);
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

function assertNoDrift(namespace: string, theirs: Record<string, unknown>): void {
  for (const [field, ours] of Object.entries(requiredConfig(namespace))) {
    if (contains(theirs[field] ?? absentValue(ours), ours)) continue;
    throw new BusError(
      "LOG_CONFIG",
      `the stream ${streamName(namespace)} has ${field} ${JSON.stringify(theirs[field])}, it must be ` +
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

const cannotReserve = (error: ApiError | null): boolean =>
  error?.err_code === API_CODE.storageExceeded || error?.err_code === API_CODE.accountResourcesExceeded;

function openError(stream: string, error: ApiError): BusError {
  const off: (number | undefined)[] = [API_CODE.jetStreamNotEnabled, API_CODE.jetStreamNotEnabledForAccount];
  if (off.includes(error.err_code)) {
    return new BusError("SERVER_UNSUITABLE", "the NATS server has no JetStream for this account: enable it there");
  }
  return new BusError("LOG_CONFIG", `the stream ${stream} cannot be opened: ${describeError(error)}`);
}

function creationError(namespace: string, error: ApiError, options: ResolvedNatsOptions): BusError {
  const stream = streamName(namespace);
  const cannot = `the stream ${stream} cannot be created`;
  switch (error.err_code) {
    case API_CODE.storageExceeded:
    case API_CODE.accountResourcesExceeded:
      return new BusError(
        "LOG_CONFIG",
        `${cannot}: the server cannot reserve ${options.logMaxBytes} bytes; lower logMaxBytes, or raise its max_file_store`,
      );
    case API_CODE.maxBytesRequired:
      return new BusError("LOG_CONFIG", `${cannot}: the account demands a size it can reserve; set logMaxBytes`);
    case API_CODE.subjectOverlap:
      return new BusError(
        "LOG_CONFIG",
        `${cannot}: another stream captures ${captureSubject(namespace)}; remove that subject from it`,
      );
    default:
      return openError(stream, error);
  }
}
