/**
 * Dialling a NATS server: the first connection, and how later ones are kept.
 *
 * The client's defaults are wrong for us: it gives up after 10 reconnects (about 20 s) and notices a dead link after 4
 * minutes. Ours never gives up and notices within 4.5 s: a link can go silent without a word, and a lease is not long.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { errors, type ConnectionOptions, type NatsConnection } from "@nats-io/nats-core";
import { connect } from "@nats-io/transport-node";
import { BusError } from "../../protocol/errors.ts";
import { authenticatorOf } from "./nats-credentials.ts";
import { refusalOf, unsuitable } from "./nats-dial-errors.ts";
import { NatsLink } from "./nats-link.ts";
import type { ResolvedNatsOptions } from "./nats-options.ts";
import { tlsOptionsOf } from "./nats-tls.ts";

const OLDEST = [2, 10] as const;
/** Between dials, of the first connection and of every later one. */
const REDIAL_MS = 200;

/** Connect, and refuse a server that cannot serve. Rejects with `SERVER_UNSUITABLE` and one sentence that says the fix. */
export async function dial(options: ResolvedNatsOptions): Promise<NatsLink> {
  const nc = await firstConnection(options);
  try {
    assertVersion(nc.info?.version, options.url);
    await assertJetStream(nc, options.url);
  } catch (error) {
    await nc.close();
    throw error;
  }
  return new NatsLink(nc, options.url);
}

/** Dial until it works or the time is up, because a worker often starts together with its server. */
async function firstConnection(options: ResolvedNatsOptions): Promise<NatsConnection> {
  const { url, connectTimeoutMs } = options;
  const giveUpAt = performance.now() + connectTimeoutMs;
  const leftMs = () => Math.max(1, Math.ceil(giveUpAt - performance.now()));
  const connection = toConnectionOptions(options);
  for (;;) {
    try {
      if (options.tls) await tryHandshake(connection, leftMs());
      return await connectWithin(connection, leftMs());
    } catch (error) {
      const refusal = refusalOf(error, options);
      if (refusal) throw refusal;
      if (performance.now() + REDIAL_MS >= giveUpAt) {
        throw unsuitable(
          `no NATS server answered at ${url} within ${connectTimeoutMs} ms (${reasonOf(error, options)}): start one, or fix the URL`,
          error,
        );
      }
      await sleep(REDIAL_MS);
    }
  }
}

/**
 * TLS 1.3 looks at client certificates when the client thinks that the handshake is over. A client that reconnects takes what
 * the server says then for a lost connection, and dials for ever, in silence; one that does not says what it was.
 */
async function tryHandshake(options: ConnectionOptions, timeoutMs: number): Promise<void> {
  const nc = await connectWithin({ ...options, reconnect: false }, timeoutMs);
  await nc.close();
}

/** The client bounds each address it tries, not all of them together, so the bound is ours. */
async function connectWithin(options: ConnectionOptions, timeoutMs: number): Promise<NatsConnection> {
  const connecting = connect(options);
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<"too late">((resolve) => {
    timer = setTimeout(resolve, timeoutMs, "too late");
  });
  try {
    const first = await Promise.race([connecting, tooLate]);
    if (first !== "too late") return first;
    // A connection that succeeds after all is nobody's.
    connecting.then((nc) => nc.close()).catch(() => {});
    throw new errors.TimeoutError();
  } finally {
    clearTimeout(timer);
  }
}

function toConnectionOptions(options: ResolvedNatsOptions): ConnectionOptions {
  const authenticator = authenticatorOf(options);
  const tls = tlsOptionsOf(options);
  return {
    servers: [...options.servers],
    name: options.name,
    ...(options.user === undefined ? {} : { user: options.user, pass: options.password ?? "" }),
    ...(options.token === undefined ? {} : { token: options.token }),
    ...(authenticator && { authenticator }),
    ...(tls && { tls }),
    // Of one dial, also of every later one.
    timeout: Math.min(Math.max(options.connectTimeoutMs, 2_000), 20_000),
    maxReconnectAttempts: -1,
    reconnectTimeWait: REDIAL_MS,
    pingInterval: 1_500,
    maxPingOut: 2,
    noAsyncTraces: true,
    // Else two refusals in a row end the connection for good: a server that reloads its users would end every worker.
    ignoreAuthErrorAbort: true,
    // What is sent in one turn of the loop goes out in one write up to this size, not in one per 32 KiB: 64 dispatches are
    // 45 KiB, and a write costs as much as 10 of them. The client reads it, but its types do not show it.
    ...{ pendingLimit: 256 * 1024 },
  };
}

function assertVersion(version: string | undefined, url: string): void {
  const [major = 0, minor = 0] = (version ?? "").split(".").map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  throw unsuitable(`the NATS server at ${url} is version ${version ?? "unknown"}: 2.10 or newer is needed`);
}

/** Only a clear no is a no: a cluster that is still electing says nothing, and `open` asks again. */
async function assertJetStream(nc: NatsConnection, url: string): Promise<void> {
  const no = `the NATS server at ${url} has no JetStream`;
  try {
    const reply = (await nc.request("$JS.API.INFO", "", { timeout: 2_000 })).json<{
      error?: { description: string };
    }>();
    if (/not enabled/i.test(reply.error?.description ?? "")) {
      throw unsuitable(`${no} for this account: enable it for the account`);
    }
  } catch (error) {
    if (error instanceof BusError) throw error;
    if (isNoResponders(error) && nc.info?.jetstream !== true) {
      throw unsuitable(`${no}: start it with -js, or add jetstream {} to its configuration`);
    }
  }
}

/** True when nobody on the server listens to what was asked. */
function isNoResponders(error: unknown): boolean {
  if (error instanceof errors.NoRespondersError) return true;
  return error instanceof errors.RequestError && error.isNoResponders();
}

/** What the client says of a failure. Its messages hold hosts, never credentials: those never reach its URLs. */
function reasonOf(error: unknown, { tls }: ResolvedNatsOptions): string {
  const { code, message } = error as { code?: string; message?: string };
  const isCut = code === "ECONNRESET" || code === "EPIPE";
  if (isCut && tls?.certFile !== undefined) return `${code}; perhaps it does not accept tls.certFile`;
  return message || String(error);
}
