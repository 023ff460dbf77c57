/**
 * Free loopback ports.
 *
 * They are drawn from 15000-31999, below the range from which the kernel takes ports for outgoing connections
 * (32768 and up on Linux, 49152 and up on macOS). With a port from `listen(0)`, a client that redials while its server
 * is down for a restart can be given that very port, even connect to itself, and the server cannot come back.
 */
import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { DevServerError } from "./errors.ts";

const LOWEST = 15_000;
const BEYOND = 32_000;
const ATTEMPTS = 50;

/** A port on 127.0.0.1 that nobody listens on at this moment. Nothing is reserved: whoever binds first has it. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(LOWEST, BEYOND);
    if (await portIsFree(port)) return port;
  }
  throw new DevServerError("port-taken", `no free port in ${ATTEMPTS} draws from ${LOWEST}-${BEYOND - 1}`);
}

/** Whether `port` can be listened on, on 127.0.0.1, at this moment. */
export function portIsFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) => {
      // EACCES: a port below 1024 for an ordinary user; no more ours than a taken one.
      if (error.code === "EADDRINUSE" || error.code === "EACCES") resolve(false);
      else reject(error);
    });
    probe.listen({ port, host: "127.0.0.1", exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
