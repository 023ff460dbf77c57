/** Every provider keeps the contract of Model, against a local server that speaks its wire. */
import { anthropic, mistral, openai, openaiResponses } from "@myelin/neuron";
import { describeModel } from "@myelin/neuron/conformance";
import { startFakeModelServer } from "../helpers/fake-model-server.ts";
import { expectNoLeaks } from "../helpers/leaks.ts";

const start = startFakeModelServer;

describeModel("anthropic", {
  start,
  create: ({ anthropicUrl }, model, options) => anthropic(model, { baseURL: anthropicUrl, ...options }),
  vendor: "anthropic",
  takesReasoningBack: true,
});
describeModel("openai", {
  start,
  create: ({ openaiUrl }, model, options) => openai(model, { baseURL: openaiUrl, ...options }),
  vendor: "openai",
  takesReasoningBack: false,
});
describeModel("openaiResponses", {
  start,
  create: ({ openaiUrl }, model, options) => openaiResponses(model, { baseURL: openaiUrl, ...options }),
  vendor: "openaiResponses",
  takesReasoningBack: true,
});
// The preset that differs most.
describeModel("mistral", {
  start: () => startFakeModelServer({ refusesStreamOptions: true }),
  create: ({ openaiUrl }, model, options) => mistral(model, { baseURL: openaiUrl, ...options }),
  vendor: "mistral",
  takesReasoningBack: false,
});

expectNoLeaks();
