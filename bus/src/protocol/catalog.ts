/**
 * CATALOG: every Signal type, once. The only registry of types: adding a line here makes the compiler list what else
 * must change (the recorder's rows, the docs table, the fixtures).
 */
import type { z } from "zod";
import { task } from "./signals/task.ts";
import { taskOffer } from "./signals/task-offer.ts";
import { bid } from "./signals/bid.ts";
import { taskAwarded } from "./signals/task-awarded.ts";
import { taskDeclined } from "./signals/task-declined.ts";
import { agentOutput } from "./signals/agent-output.ts";
import { clarification } from "./signals/clarification.ts";
import { permission } from "./signals/permission.ts";
import { escalation } from "./signals/escalation.ts";
import { error } from "./signals/error.ts";
import { final } from "./signals/final.ts";
import { clarificationAnswer } from "./signals/clarification-answer.ts";
import { permissionDecision } from "./signals/permission-decision.ts";
import { thoughtDelta } from "./signals/thought-delta.ts";
import { plan } from "./signals/plan.ts";
import { critique } from "./signals/critique.ts";
import { consensus } from "./signals/consensus.ts";
import { contextSync } from "./signals/context-sync.ts";
import { memoryAppend } from "./signals/memory-append.ts";
import { toolCall } from "./signals/tool-call.ts";
import { toolResult } from "./signals/tool-result.ts";
import { recall } from "./signals/recall.ts";
import { recalled } from "./signals/recalled.ts";
import { imprint } from "./signals/imprint.ts";
import { imprinted } from "./signals/imprinted.ts";
import { register } from "./signals/register.ts";
import { deregister } from "./signals/deregister.ts";
import { heartbeat } from "./signals/heartbeat.ts";
import { discover } from "./signals/discover.ts";
import { stop } from "./signals/stop.ts";
import { stopped } from "./signals/stopped.ts";
import { audit } from "./signals/audit.ts";
import { runEvent } from "./signals/run-event.ts";

export const CATALOG = {
  TASK: task,
  TASK_OFFER: taskOffer,
  BID: bid,
  TASK_AWARDED: taskAwarded,
  TASK_DECLINED: taskDeclined,
  AGENT_OUTPUT: agentOutput,
  CLARIFICATION: clarification,
  PERMISSION: permission,
  ESCALATION: escalation,
  ERROR: error,
  FINAL: final,
  CLARIFICATION_ANSWER: clarificationAnswer,
  PERMISSION_DECISION: permissionDecision,
  THOUGHT_DELTA: thoughtDelta,
  PLAN: plan,
  CRITIQUE: critique,
  CONSENSUS: consensus,
  CONTEXT_SYNC: contextSync,
  MEMORY_APPEND: memoryAppend,
  TOOL_CALL: toolCall,
  TOOL_RESULT: toolResult,
  RECALL: recall,
  RECALLED: recalled,
  IMPRINT: imprint,
  IMPRINTED: imprinted,
  REGISTER: register,
  DEREGISTER: deregister,
  HEARTBEAT: heartbeat,
  DISCOVER: discover,
  STOP: stop,
  STOPPED: stopped,
  AUDIT: audit,
  RUN_EVENT: runEvent,
} as const;

export type SignalType = keyof typeof CATALOG;
/** What `payload` holds for a type. Unknown keys are kept and ignored. */
export type PayloadOf<T extends SignalType> = z.output<(typeof CATALOG)[T]["payload"]>;

export const SIGNAL_TYPES = Object.keys(CATALOG) as SignalType[];
export const isSignalType = (value: unknown): value is SignalType =>
  typeof value === "string" && Object.hasOwn(CATALOG, value);

/** Types that end a run. */
export type EndType = "AGENT_OUTPUT" | "ERROR" | "FINAL" | "STOPPED";
/** Types that pause a run until a person answers. */
export type PauseType = "CLARIFICATION" | "PERMISSION" | "ESCALATION";
/** Types that answer a TASK, and so carry the run id in their subject. */
export type ReplyType = EndType | PauseType;

export const isEndType = (type: SignalType): type is EndType => CATALOG[type].effect === "end";
export const isPauseType = (type: SignalType): type is PauseType => CATALOG[type].effect === "pause";
export const isReplyType = (type: SignalType): type is ReplyType => CATALOG[type].effect !== "none";
