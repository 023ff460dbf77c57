/** @myelin/http: HTTP in front of a Dendrite and a RunStore. Requests in, JSON and event streams out. */

// For users.
export { createGateway } from "./gateway.ts";
export type { GatewayObserver, GatewayOptions } from "./gateway.ts";
export { createRunRouter } from "./runs/run-router.ts";
export type { RunRouterOptions, RunRoutesOptions } from "./runs/run-router.ts";
export type { RunReads, RunVerbs, ScopableReads } from "./runs/run-parts.ts";
export { toExpress, toFastify, toHono, toNext } from "./mounts.ts";
export { bearerToken, loopbackOnly } from "./authorize.ts";
export type { Authorize, Scope } from "./authorize.ts";
export { nodeListener } from "./node-listener.ts";
export type { RequestObserver } from "./serve-routes.ts";
export type { Handler, NodeListenerOptions } from "./node-listener.ts";
export { requestSignal } from "./request-signal.ts";
export type { ClientRequest, ClientResponse } from "./request-signal.ts";
export { HttpProblem } from "./problem.ts";
export type { HttpProblemCode, HttpProblemOptions } from "./problem.ts";

// For siblings.
export { isLoopback } from "./authorize.ts";
export { ANSWERS } from "./runs/answers.ts";
export { BODIES } from "./runs/bodies.ts";
export { OPERATIONS } from "./runs/operations.ts";
export { toProblem } from "./to-problem.ts";
