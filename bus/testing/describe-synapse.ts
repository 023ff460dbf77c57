/**
 * describeSynapse: the proof that an implementation keeps the Synapse contract. Every implementation passes it.
 *
 *     describeSynapse("nats", startSharedNats, { outage: false, ... });
 */
import { afterAll, beforeAll, describe } from "@jest/globals";
import { describeAppend } from "./synapse/describe-append.ts";
import { describeConsume } from "./synapse/describe-consume.ts";
import { describeDrain } from "./synapse/describe-drain.ts";
import { describeKeys } from "./synapse/describe-keys.ts";
import { describeLarge } from "./synapse/describe-large.ts";
import { describeLog } from "./synapse/describe-log.ts";
import { describeOutage } from "./synapse/describe-outage.ts";
import { describePurge } from "./synapse/describe-purge.ts";
import { describeRead } from "./synapse/describe-read.ts";
import { describeSubscribe } from "./synapse/describe-subscribe.ts";
import { openSpace, type OpenSpace, type SynapseCapabilities, type SynapseServer } from "./synapse/suite.ts";

/**
 * Describe one implementation. `start` is called once; what it starts is disposed at the end. What an implementation cannot
 * do it says in `capabilities`, and exactly those sections are skipped, by name.
 */
export function describeSynapse(
  name: string,
  start: () => Promise<SynapseServer>,
  capabilities: SynapseCapabilities,
): void {
  describeOn(`Synapse ${name}`, start, (space) => {
    describeAppend(space);
    describeSubscribe(space);
    describeConsume(space);
    describeRead(space);
    describeLarge(space);
    describeLog(space);
    describePurge(space);
    describeKeys(space);
    describeDrain(space);
    (capabilities.outage ? describe : describe.skip)("outage of the server", () => describeOutage(space));
  });
}

/** The sections that read the log and its objects, for an implementation that has a second way to do that. */
export function describeReading(name: string, start: () => Promise<SynapseServer>): void {
  describeOn(`Reading from ${name}`, start, (space) => {
    describeRead(space);
    describeLog(space);
  });
}

function describeOn(title: string, start: () => Promise<SynapseServer>, sections: (space: OpenSpace) => void): void {
  describe(title, () => {
    let server: SynapseServer;
    beforeAll(async () => {
      server = await start();
    });
    afterAll(async () => server[Symbol.asyncDispose]());
    sections(() => openSpace(server));
  });
}
