/** Event: an entry of an agent's journal with its data as its type says. Parsed where it is read, trusted behind. */
import {
  RUN_EVENT_DATA,
  type NewRunEvent,
  type RunEventData,
  type RunEventDataType,
  type RunEventEntry,
} from "@myelin/bus/run-events";
import { agentFailure } from "../errors.ts";

export interface EventOf<T extends RunEventDataType> {
  readonly type: T;
  readonly iteration: number;
  readonly correlationId: string | null;
  readonly data: RunEventData<T>;
}

export type AgentEvent = { [T in RunEventDataType]: EventOf<T> }[RunEventDataType];

export function eventOf<T extends RunEventDataType>(
  type: T,
  iteration: number,
  data: RunEventData<T>,
  correlationId: string | null = null,
): AgentEvent {
  return { type, iteration, data, correlationId } as AgentEvent;
}

/** The entries of a journal that are an agent's; those of its host and of steps are left out. Throws AGENT_CHANGED for one that does not fit. */
export function toEvents(journal: readonly RunEventEntry[]): AgentEvent[] {
  return journal.filter(({ event_type }) => isAgentType(event_type)).map(toEvent);
}

/** As the journal takes it. */
export function toEntry({ type, iteration, correlationId, data }: AgentEvent): NewRunEvent {
  return {
    event_type: type,
    iteration_index: iteration,
    ...(correlationId !== null && { correlation_id: correlationId }),
    data,
  };
}

/** A new entry that somebody else has made, as an event. */
export function fromNew(entry: NewRunEvent & { readonly event_type: RunEventDataType }): AgentEvent {
  return eventOf(entry.event_type, entry.iteration_index ?? 0, entry.data as never, entry.correlation_id ?? null);
}

function toEvent({ event_type, iteration_index, correlation_id, data, sequence_index }: RunEventEntry): AgentEvent {
  const type = event_type as RunEventDataType;
  const parsed = RUN_EVENT_DATA[type].safeParse(data);
  if (!parsed.success) {
    const message = `entry ${sequence_index} of the journal (${type}) is none that this version reads`;
    throw agentFailure("AGENT_CHANGED", message, { cause: parsed.error });
  }
  return eventOf(type, iteration_index, parsed.data as never, correlation_id);
}

const isAgentType = (type: string): type is RunEventDataType => Object.hasOwn(RUN_EVENT_DATA, type);
