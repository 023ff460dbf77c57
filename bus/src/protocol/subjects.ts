/**
 * Subjects: where a Signal travels. Every subject string of Myelin is built and read here.
 *
 *     myelin.<namespace>.<channel>.<TYPE>.<to>.<lane>.<bucket>.<run>
 *
 * channel  `put`: appended; only the stream listens · `log`: what the stream republishes once stored · `live`: never stored
 * to       neuron id of a TASK · instance id of the dispatcher a reply is for · run id of a RUN_EVENT · `_` for nobody
 * lane     `high`, `normal`, `low` for a TASK · `_` otherwise
 * bucket   two hex digits from the trace id: one trace is 1/256 of the traffic
 * run      run id on replies, on RUN_EVENT, on a TASK that wakes a paused run and on one that an idempotency key stands for ·
 *          `_` otherwise. "Has it ended", "its journal", "who answered" and "was it sent" are reads of one subject. Any other
 *          TASK has none, because a subject costs the broker memory for as long as it is stored; and on `live`, where nothing
 *          is read back, nobody has: a subject that is new each time misses the broker's cache of who listens
 *
 * Beside them, `myelin.<namespace>.key.<key>`: the namespace's keys, which are no Signals.
 */
import { CATALOG, isReplyType, isSignalType, type SignalType } from "./catalog.ts";
import { isId, parseKey, parseNamespace } from "./ids.ts";
import type { Signal } from "./signal.ts";
import type { Lane } from "./signals/task.ts";

export type Channel = "put" | "log" | "live";

/** The tokens behind `myelin.<namespace>`. */
export interface SubjectTokens {
  channel: Channel;
  type: SignalType;
  to: string;
  lane: Lane | "_";
  bucket: string;
  run: string;
}
/** Which subjects to listen to or read; a token left out matches every value. */
export type SubjectFilter = { readonly [K in Exclude<keyof SubjectTokens, "channel">]?: SubjectTokens[K] | undefined };

const NOBODY = "_";
const HEX = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, "0"));

/** The two hex digits of a trace: FNV-1a of its id, folded to a byte. */
export function bucketOf(traceId: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < traceId.length; at++) hash = Math.imul(hash ^ traceId.charCodeAt(at), 0x01000193);
  return HEX[(hash ^ (hash >>> 8) ^ (hash >>> 16) ^ (hash >>> 24)) & 0xff]!;
}

/** The subject of a Signal. An id that cannot be a token becomes `_`: it is nobody's address. */
export function subjectOf(namespace: string, channel: Channel, signal: Signal): string {
  const { type } = signal;
  const to = recipientOf(signal);
  const lane = signal.type === "TASK" ? (signal.payload.priority ?? "normal") : NOBODY;
  const run = channel !== "live" && hasRunSubject(signal) ? token(signal.meta.run_id) : NOBODY;
  return `myelin.${namespace}.${channel}.${type}.${to}.${lane}.${bucketOf(signal.trace_id)}.${run}`;
}

/** The subject filter, with `*` for what is not said and `>` where a whole tail is not. */
export function subjectFilter(namespace: string, channel: Channel, filter: SubjectFilter): string {
  const tokens = [filter.type, filter.to, filter.lane, filter.bucket, filter.run];
  while (tokens.length > 0 && tokens.at(-1) === undefined) tokens.pop();
  const tail = tokens.map((one) => one ?? "*");
  if (tail.length < 5) tail.push(">");
  return ["myelin", namespace, channel, ...tail].join(".");
}

/** Read a subject back into its tokens; null when it is not one of ours. */
export function parseSubject(subject: string): ({ namespace: string } & SubjectTokens) | null {
  const [root, namespace, channel, type, to, lane, bucket, run, ...rest] = subject.split(".");
  if (root !== "myelin" || rest.length > 0 || run === undefined) return null;
  if (channel !== "put" && channel !== "log" && channel !== "live") return null;
  if (!isSignalType(type) || !namespace || !to || !bucket) return null;
  return { namespace, channel, type, to, lane: lane as SubjectTokens["lane"], bucket, run };
}

/** True when a subject's tokens pass a filter. */
export function matchesFilter(tokens: SubjectTokens, filter: SubjectFilter): boolean {
  return (
    (filter.type === undefined || filter.type === tokens.type) &&
    (filter.to === undefined || filter.to === tokens.to) &&
    (filter.lane === undefined || filter.lane === tokens.lane) &&
    (filter.bucket === undefined || filter.bucket === tokens.bucket) &&
    (filter.run === undefined || filter.run === tokens.run)
  );
}

/** What the stream of a namespace captures, and what it republishes to. */
export const captureSubject = (namespace: string): string => `myelin.${parseNamespace(namespace)}.put.>`;
export const republishSubject = (namespace: string): string => `myelin.${parseNamespace(namespace)}.log.>`;
export const streamName = (namespace: string): string => `MYELIN_${parseNamespace(namespace)}`;

/** The keys of a namespace: where one is kept, what their stream captures, and its name. */
export const keySubject = (namespace: string, key: string): string =>
  `myelin.${parseNamespace(namespace)}.key.${parseKey(key)}`;
export const keyCaptureSubject = (namespace: string): string => `myelin.${parseNamespace(namespace)}.key.>`;
export const keyStreamName = (namespace: string): string => `${streamName(namespace)}_KEYS`;

/**
 * The objects of a namespace, as a JetStream object store has them (`nats object ls MYELIN_<namespace>`): the stream, and the
 * subjects of an object's parts and of what is known about it.
 */
export const objectStreamName = (namespace: string): string => `OBJ_${streamName(namespace)}`;
export const objectCaptureSubjects = (namespace: string): string[] =>
  ["C", "M"].map((kind) => `$O.${streamName(namespace)}.${kind}.>`);
export const objectPartSubject = (namespace: string, partsId: string): string =>
  `$O.${streamName(namespace)}.C.${partsId}`;
export const objectInfoSubject = (namespace: string, reference: string): string =>
  `$O.${streamName(namespace)}.M.${base64Url(reference)}`;

/** The durable consumer that all replicas of a neuron share, one per lane. */
export const consumerName = (neuronId: string, lane: Lane): string => `task_${neuronId}_${lane}`;

function recipientOf(signal: Signal): string {
  switch (CATALOG[signal.type].to) {
    case "neuron":
      return token(signal.directed?.id);
    case "dispatcher":
      return token(signal.meta.reply_to);
    case "run":
      return token(signal.meta.run_id);
    case "nobody":
      return NOBODY;
  }
}

function hasRunSubject(signal: Signal): boolean {
  if (signal.type === "TASK") return signal.payload.answers !== undefined || signal.meta.idempotency_key !== undefined;
  return signal.type === "RUN_EVENT" || isReplyType(signal.type);
}

/** Of a reference, which is ASCII; padded, as the object store's other clients do it. */
const base64Url = (text: string): string => btoa(text).replaceAll("+", "-").replaceAll("/", "_");
const token = (value: string | null | undefined): string => (isId(value) ? value : NOBODY);
