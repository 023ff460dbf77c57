/** @myelin/http: HTTP in front of a Dendrite. Requests in, JSON out. */

// For users.
export { createGateway } from "./gateway.ts";
export type { GatewayObserver, GatewayOptions } from "./gateway.ts";
export { bearerToken, loopbackOnly } from "./authorize.ts";
export type { Authorize, Scope } from "./authorize.ts";
export { nodeListener } from "./node-listener.ts";
export type { Handler, NodeListenerOptions } from "./node-listener.ts";
export { requestSignal } from "./request-signal.ts";
export type { ClientRequest, ClientResponse } from "./request-signal.ts";
export { HttpProblem } from "./problem.ts";
export type { HttpProblemCode, HttpProblemOptions } from "./problem.ts";

// For siblings.
export { isLoopback } from "./authorize.ts";
export { toProblem } from "./to-problem.ts";
