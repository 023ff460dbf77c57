export { connectNatsSynapse } from "./nats-synapse.ts";
export type { NatsOptions } from "./nats-options.ts";
