/** Every implementation of the Synapse keeps its contract. One line each. */
import { describeSynapse } from "@myelin/bus/testing";
import { expectNoLeaks } from "../helpers/leaks.ts";
import { startMemoryServer, startNatsServer } from "../helpers/synapse-servers.ts";

describeSynapse("memory://", startMemoryServer, { outage: false });
describeSynapse("nats://", startNatsServer, { outage: true });

expectNoLeaks();
