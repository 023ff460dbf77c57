/** MemoryServer: what stands where a NATS server would: logs, subscribers and task queues of each namespace. */
import {
  matchesFilter,
  parseSubject,
  streamName,
  type SubjectFilter,
  type SubjectTokens,
} from "../../protocol/subjects.ts";
import { MemoryKeys } from "./memory-keys.ts";
import { MemoryLog } from "./memory-log.ts";
import { MemoryTaskQueue } from "./memory-task-queue.ts";

export interface MemorySubscriber {
  readonly channel: "log" | "live";
  readonly filter: SubjectFilter;
  readonly queue: string | undefined;
  deliver(subject: string, bytes: Uint8Array, seq: number | null): void;
}

export class MemoryNamespace {
  readonly name: string;
  readonly log: MemoryLog;
  readonly keys = new MemoryKeys();
  readonly objects = new Map<string, Uint8Array>();
  readonly subscribers = new Set<MemorySubscriber>();
  /** Wakes readers that follow. */
  readonly followers = new Set<() => void>();
  readonly #queues = new Map<string, MemoryTaskQueue>();
  #turn = 0;

  constructor(name: string) {
    this.name = name;
    this.log = new MemoryLog(streamName(name));
  }

  /** Store bytes as `append` does, and republish them when they were stored. Bytes need not be a Signal. */
  append(
    subject: string,
    bytes: Uint8Array,
    options: Parameters<MemoryLog["append"]>[3],
  ): ReturnType<MemoryLog["append"]> {
    const tokens = tokensOf(subject);
    const appended = this.log.append(subject, tokens, bytes, options);
    if (appended.duplicate) return appended;
    this.deliver(subject.replace(".put.", ".log."), tokens, "log", bytes, appended.seq);
    for (const queue of this.#queues.values()) queue.offer(this.log.at(appended.seq)!);
    for (const wake of this.followers) wake();
    return appended;
  }

  /** Hand bytes to everybody who listens: all plain subscribers, and one member of each queue, in turn. */
  deliver(
    subject: string,
    tokens: SubjectTokens,
    channel: "log" | "live",
    bytes: Uint8Array,
    seq: number | null,
  ): void {
    const queues = new Map<string, MemorySubscriber[]>();
    for (const one of this.subscribers) {
      if (one.channel !== channel || !matchesFilter(tokens, one.filter)) continue;
      if (one.queue === undefined) one.deliver(subject, bytes, seq);
      else queues.set(one.queue, [...(queues.get(one.queue) ?? []), one]);
    }
    for (const members of queues.values()) members[this.#turn++ % members.length]!.deliver(subject, bytes, seq);
  }

  /** The task queue of a neuron and lane; made on first use, and then offered everything the log already holds. */
  taskQueue(neuronId: string, lane: "high" | "normal" | "low"): MemoryTaskQueue {
    const key = `${neuronId} ${lane}`;
    let queue = this.#queues.get(key);
    if (!queue) {
      queue = new MemoryTaskQueue({ type: "TASK", to: neuronId, lane }, this.log);
      this.#queues.set(key, queue);
      for (const entry of this.log.entries) queue.offer(entry);
    }
    return queue;
  }
}

export class MemoryServer {
  readonly #namespaces = new Map<string, MemoryNamespace>();

  namespace(name: string): MemoryNamespace {
    let namespace = this.#namespaces.get(name);
    if (!namespace) this.#namespaces.set(name, (namespace = new MemoryNamespace(name)));
    return namespace;
  }
}

export function tokensOf(subject: string): SubjectTokens {
  const tokens = parseSubject(subject);
  if (!tokens) throw new TypeError(`not a subject of ours: ${subject}`);
  return tokens;
}
