/** Every implementation of the Synapse keeps its contract. One line each. */
import { describeReading, describeSynapse } from "@myelin/bus/testing";
import { expectNoLeaks } from "../helpers/leaks.ts";
import { startMemoryServer, startNatsServer, startNatsServerWithoutReaders } from "../helpers/synapse-servers.ts";

describeSynapse("memory://", startMemoryServer, { outage: false });
describeSynapse("nats://", startNatsServer, { outage: true });
describeReading("nats://, as a user who may make no consumer for it", startNatsServerWithoutReaders);

expectNoLeaks();
