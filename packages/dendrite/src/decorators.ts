/**
 * Decorators: handlers as methods of a class, collected by `dendrite.attachHandlers(instance)`. Standard decorators, and
 * nothing but a table over `dendrite.onSignal`.
 *
 *     class Metrics {
 *       \@onErrorSignal() failed(sig: SignalOf<"ERROR">) { … }
 *     }
 *     dendrite.attachHandlers(new Metrics());
 */
import type { SignalOf, SignalType } from "@myelin/bus";
import type { Handler, HandlerFilter } from "./handlers.ts";

export interface DecoratedHandler {
  readonly type: SignalType;
  readonly filter: HandlerFilter;
  readonly handler: Handler<SignalType>;
}

/** By instance, so that two instances of one class are two sets of handlers, and neither is kept alive by this. */
const handlersOf = new WeakMap<object, DecoratedHandler[]>();

/** What the decorators of an instance's class collected; empty for any other object. */
export const decoratedHandlers = (instance: object): readonly DecoratedHandler[] => handlersOf.get(instance) ?? [];

type HandlerDecorator<T extends SignalType> = (
  filter?: HandlerFilter,
) => <This extends object>(
  method: (this: This, signal: SignalOf<T>) => unknown,
  context: ClassMethodDecoratorContext<This, (this: This, signal: SignalOf<T>) => unknown>,
) => void;

function decoratorFor<T extends SignalType>(type: T): HandlerDecorator<T> {
  return (filter = {}) =>
    (method, context) => {
      context.addInitializer(function () {
        const handler = (signal: SignalOf<SignalType>) => method.call(this, signal as SignalOf<T>);
        const known = handlersOf.get(this) ?? [];
        handlersOf.set(this, [...known, { type, filter, handler }]);
      });
    };
}

export const onTaskSignal = decoratorFor("TASK");
export const onAgentOutput = decoratorFor("AGENT_OUTPUT");
export const onClarification = decoratorFor("CLARIFICATION");
export const onPermission = decoratorFor("PERMISSION");
export const onEscalation = decoratorFor("ESCALATION");
export const onErrorSignal = decoratorFor("ERROR");
export const onFinal = decoratorFor("FINAL");
export const onStop = decoratorFor("STOP");
export const onStopped = decoratorFor("STOPPED");
export const onThoughtDelta = decoratorFor("THOUGHT_DELTA");
export const onToolCall = decoratorFor("TOOL_CALL");
export const onToolResult = decoratorFor("TOOL_RESULT");
export const onPlan = decoratorFor("PLAN");
export const onCritique = decoratorFor("CRITIQUE");
export const onConsensus = decoratorFor("CONSENSUS");
export const onContextSync = decoratorFor("CONTEXT_SYNC");
export const onMemoryAppend = decoratorFor("MEMORY_APPEND");
export const onAudit = decoratorFor("AUDIT");
export const onRunEvent = decoratorFor("RUN_EVENT");
export const onRegisterSignal = decoratorFor("REGISTER");
export const onDeregisterSignal = decoratorFor("DEREGISTER");
export const onHeartbeatSignal = decoratorFor("HEARTBEAT");
