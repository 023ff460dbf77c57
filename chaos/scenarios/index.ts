/** All scenarios, in the order in which they are played. */
import { natsRestart } from "./nats-restart.ts";
import type { Scenario } from "./scenario.ts";
import { workerKill } from "./worker-kill.ts";
import { zombie } from "./zombie.ts";

export const SCENARIOS: readonly Scenario[] = [workerKill, zombie, natsRestart];
