// For whoever implements or tests a Synapse.
export { describeReading, describeSynapse } from "./describe-synapse.ts";
export type { MortalSynapse, SynapseCapabilities, SynapseServer } from "./synapse/suite.ts";
export { collect, type Collected } from "./collect.ts";
export { sampleEvent, sampleHeartbeat, sampleReply, sampleTask } from "./sample-signals.ts";
