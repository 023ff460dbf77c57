/** All scenarios, in the order in which they are played. */
import { badNetwork } from "./bad-network.ts";
import { blockedLoop } from "./blocked-loop.ts";
import { diskFull } from "./disk-full.ts";
import { dispatcherKill } from "./dispatcher-kill.ts";
import { hostilePeer } from "./hostile-peer.ts";
import { natsRestart } from "./nats-restart.ts";
import { postgresRestart } from "./postgres-restart.ts";
import { recorderKill } from "./recorder-kill.ts";
import { rollingRestart } from "./rolling-restart.ts";
import type { Scenario } from "./scenario.ts";
import { soak } from "./soak.ts";
import { workerKill } from "./worker-kill.ts";
import { zombie } from "./zombie.ts";

export const SCENARIOS: readonly Scenario[] = [
  workerKill,
  zombie,
  dispatcherKill,
  recorderKill,
  natsRestart,
  postgresRestart,
  badNetwork,
  blockedLoop,
  hostilePeer,
  rollingRestart,
  diskFull,
  soak,
];
