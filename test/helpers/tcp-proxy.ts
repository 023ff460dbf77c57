/** The TCP proxy of @myelin/dev, for tests that look at what a client said. */
import { startTcpProxy as startProxy, type TcpProxy as Proxy } from "@myelin/dev";

export interface TcpProxy extends Proxy {
  /** All that clients said, as text. */
  said(): string;
}

/** Forward connections to a port on loopback. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  let said = "";
  const proxy = await startProxy(targetPort, { onSaid: (bytes) => (said += bytes.toString("latin1")) });
  return { ...proxy, said: () => said };
}
