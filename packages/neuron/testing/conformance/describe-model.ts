/**
 * describeModel: the proof that a provider keeps the contract of `Model`. Every provider passes it, against a local server
 * that speaks its wire and plays the scenarios (`ANSWERS` and `Accident` of `@myelin/neuron/testing`).
 *
 *     describeModel("anthropic", { start: startMyServer, create: (server, model, options) => …, vendor: "anthropic", … });
 */
import { describe } from "@jest/globals";
import { describeAccidents } from "./describe-accidents.ts";
import { describeAnswers } from "./describe-answers.ts";
import { opener } from "./suite.ts";
import type { ModelServer, ModelUnderTest } from "./suite.ts";

export type { ModelServer, ModelServerRequest, ModelUnderTest, ModelUnderTestOptions } from "./suite.ts";

/** Describe one provider. `start` is called by every test, and what it starts is disposed at its end. */
export function describeModel<Server extends ModelServer>(name: string, subject: ModelUnderTest<Server>): void {
  describe(`Model ${name}`, () => {
    const open = opener(subject);
    describeAnswers(open, subject as unknown as ModelUnderTest<ModelServer>);
    describeAccidents(open);
  });
}
