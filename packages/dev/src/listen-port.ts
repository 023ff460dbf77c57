/** Start something on a given port, or on a free one. */
import { DevServerError } from "./errors.ts";
import { freePort, portIsFree } from "./ports.ts";

/** Another process can take a free port between our look and the server's bind. That is rare; thrice is not chance. */
const ATTEMPTS = 3;

/** Call `start` with `port`, if nobody listens there (else `port-taken`), or with free ports until one is not lost. */
export async function withPort<T>(
  name: string,
  port: number | undefined,
  start: (port: number) => Promise<T>,
): Promise<T> {
  if (port !== undefined) {
    if (await portIsFree(port)) return start(port);
    throw new DevServerError("port-taken", `${name} cannot listen on 127.0.0.1:${port}: the port is taken`);
  }
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await freePort());
    } catch (error) {
      const lostPort = error instanceof DevServerError && /address already in use/i.test(error.message);
      if (!lostPort || attempt === ATTEMPTS) throw error;
    }
  }
}
