/** What connectSynapse takes for NATS, resolved once into a full type. Credentials live here and are shown nowhere. */
import { BusError } from "../../protocol/errors.ts";
import { resolveMaxPayloadBytes } from "../max-payload.ts";

export interface NatsOptions {
  /** Shown in the server's connection list. Default `myelin`. */
  name?: string | undefined;
  /**
   * Upper bound of a namespace's log, in bytes; beyond it appends reject. The server reserves it. Default 10 GiB, or, where
   * a server has less to give, none of its own: then the server's `max_file_store` bounds all logs together. Read when a
   * log is created.
   */
  logMaxBytes?: number | undefined;
  /** Copies of the log in a cluster: 1, 3 or 5. Default 1. Read when a log is created. */
  replicas?: number | undefined;
  /**
   * How long a key is kept after it was last put, in milliseconds. Default 8 days: the longest deadline, and the 24 h for
   * which an idempotency key is good afterwards. At least 2_000. Read when the first key of a namespace is asked for or put.
   */
  keyMaxAgeMs?: number | undefined;
  /**
   * How long an object is kept after it was last stored, in milliseconds: the parts of a Signal above the server's
   * `max_payload`, and what `putObject` stores. Default 8 days, like keys, whose values may be such objects. At least 60_000.
   * Read when the first object of a namespace is stored.
   */
  objectMaxAgeMs?: number | undefined;
  /**
   * Largest encoded Signal that is sent and taken, in bytes, on every transport. Default 16 MiB; 1 KiB to 256 MiB. Above the
   * server's `max_payload` (1 MB) it travels as an object beside the log. One value for a namespace: a process refuses what
   * another sent above its own (`BAD_OBJECT`).
   */
  maxPayloadBytes?: number | undefined;
  user?: string | undefined;
  password?: string | undefined;
  token?: string | undefined;
  /** Path of a `.creds` file: a JWT and the seed that signs for it. Read at every dial, so it may be renewed in place. */
  credsFile?: string | undefined;
  /** Path of a file that holds the seed of an NKey (`SU…`). Read at every dial. */
  nkeyFile?: string | undefined;
  /** Connect by TLS, as `tls://` does, with these files. Default: Node's own CAs, and no certificate of ours. */
  tls?: TlsFiles | undefined;
  /** How long to wait for the first connection. Default 5_000. */
  connectTimeoutMs?: number | undefined;
}

/** Paths of PEM files. Read at every dial, so that they may be renewed in place. */
export interface TlsFiles {
  /** The CAs that may have signed the server's certificate, instead of Node's own. */
  caFile?: string | undefined;
  /** Our certificate, for a server that wants one (mTLS), and its key. */
  certFile?: string | undefined;
  keyFile?: string | undefined;
}

export interface ResolvedNatsOptions {
  /** `host:port` of every server, without scheme and credentials. */
  readonly servers: readonly string[];
  /** Everything of the URL but its credentials. */
  readonly url: string;
  /** Null: only if the server insists. */
  readonly tls: TlsFiles | null;
  readonly name: string;
  readonly logMaxBytes: number;
  /** Nobody asked for a size, so a log without one will do where it cannot be reserved. */
  readonly logMaxBytesIsDefault: boolean;
  readonly replicas: number;
  readonly keyMaxAgeMs: number;
  readonly objectMaxAgeMs: number;
  readonly maxPayloadBytes: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly token: string | undefined;
  readonly credsFile: string | undefined;
  readonly nkeyFile: string | undefined;
  readonly connectTimeoutMs: number;
}

const GIB = 1024 ** 3;
const DAY_MS = 24 * 60 * 60 * 1_000;
const MIN_LOG_BYTES = 1024 ** 2;

/**
 * Read URL and options. Throws `INVALID_OPTION` with the value and the fix; never shows a credential. What is not a letter or
 * a digit in a URL's user or password is percent-encoded.
 */
export function resolveNatsOptions(url: string, options: NatsOptions = {}): ResolvedNatsOptions {
  const parts = url.split(",").map((part) => parseServer(part.trim()));
  if (parts.includes(null)) throw invalid(`url must be nats://host:port, got ${JSON.stringify(showUrl(url))}`);
  return resolve(parts as ServerPart[], options);
}

function resolve(parts: ServerPart[], options: NatsOptions): ResolvedNatsOptions {
  const tls = tlsFiles(options.tls) ?? (parts[0]!.scheme === "tls" ? {} : null);
  const scheme = tls ? "tls" : "nats";
  const { user, password, token, credsFile, nkeyFile } = resolveCredentials(parts, options);
  return {
    servers: parts.map((part) => part.host),
    url: `${scheme}://${parts.map((part) => part.host).join(",")}`,
    tls,
    name: text("name", options.name) ?? "myelin",
    logMaxBytes: whole("logMaxBytes", options.logMaxBytes, MIN_LOG_BYTES, Number.MAX_SAFE_INTEGER) ?? 10 * GIB,
    logMaxBytesIsDefault: options.logMaxBytes === undefined,
    replicas: replicaCount(options.replicas),
    keyMaxAgeMs: whole("keyMaxAgeMs", options.keyMaxAgeMs, 2_000, 366 * DAY_MS) ?? 8 * DAY_MS,
    objectMaxAgeMs: whole("objectMaxAgeMs", options.objectMaxAgeMs, 60_000, 366 * DAY_MS) ?? 8 * DAY_MS,
    maxPayloadBytes: resolveMaxPayloadBytes(options.maxPayloadBytes),
    user,
    password,
    token,
    credsFile,
    nkeyFile,
    connectTimeoutMs: whole("connectTimeoutMs", options.connectTimeoutMs, 1, 2 ** 31 - 1) ?? 5_000,
  };
}

/** One way to say who we are. What the options say wins over the URL. */
function resolveCredentials(parts: readonly ServerPart[], options: NatsOptions) {
  const credsFile = text("credsFile", options.credsFile);
  const nkeyFile = text("nkeyFile", options.nkeyFile);
  const isByFile = credsFile !== undefined || nkeyFile !== undefined;
  const inUrl = isByFile ? undefined : parts.find((part) => part.user !== undefined);
  // A URL with a user but no password is a token, as in every NATS client.
  const urlToken = inUrl && inUrl.password === undefined ? inUrl.user : undefined;
  const token = text("token", options.token) ?? (options.user === undefined ? urlToken : undefined);
  const user = text("user", options.user) ?? (token === undefined && urlToken === undefined ? inUrl?.user : undefined);
  const password = text("password", options.password) ?? (user === undefined ? undefined : inUrl?.password);
  if (password !== undefined && user === undefined) throw invalid("password needs a user: set user too");
  const ways = Object.entries({ user, token, credsFile, nkeyFile }).filter(([, value]) => value !== undefined);
  if (ways.length > 1) {
    throw invalid(`${ways.map(([name]) => name).join(" and ")} exclude each other: set one of them`);
  }
  return { user, password, token, credsFile, nkeyFile };
}

function tlsFiles(files: unknown): TlsFiles | null {
  if (files === undefined) return null;
  if (typeof files !== "object" || files === null) {
    throw invalid(`tls must be an object with caFile, certFile and keyFile (or none of them), got ${show(files)}`);
  }
  const { caFile, certFile, keyFile } = files as TlsFiles;
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw invalid("tls.certFile and tls.keyFile belong together: set both, or neither");
  }
  return {
    caFile: text("tls.caFile", caFile),
    certFile: text("tls.certFile", certFile),
    keyFile: text("tls.keyFile", keyFile),
  };
}

interface ServerPart {
  scheme: "nats" | "tls" | undefined;
  host: string;
  user: string | undefined;
  password: string | undefined;
}

/** One server of the list: `nats://user:password@host:port`, all but the host optional after the first. */
function parseServer(part: string): ServerPart | null {
  const match = /^(?:(nats|tls):\/\/)?(?:([^:@/]*)(?::([^@/]*))?@)?([^@/?#]+)\/?$/.exec(part);
  const host = match?.[4];
  if (!host || !URL.canParse(`http://${host}`)) return null;
  return {
    scheme: match[1] as ServerPart["scheme"],
    host,
    user: decode(match[2]),
    password: decode(match[3]),
  };
}

/** The scheme, and what follows the last user and password: part of a wrong URL may be a credential, whatever it looks like. */
const showUrl = (url: string): string => url.replace(/^(\w+:\/\/)?.*@/s, "$1");

function decode(value: string | undefined): string | undefined {
  if (value === undefined || value === "") return undefined;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function text(name: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string" && value !== "") return value;
  // The value is not shown: it may be half a credential.
  throw invalid(`${name} must be text that is not empty, got ${value === "" ? '""' : typeof value}`);
}

function whole(name: string, value: unknown, min: number, max: number): number | undefined {
  if (value === undefined) return undefined;
  if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
  throw invalid(`${name} must be a whole number from ${min} to ${max}, got ${show(value)}`);
}

/** Throws `INVALID_OPTION` unless the value is a whole number of at least `min`. */
export function assertWhole(name: string, value: number, min: number): void {
  whole(name, value, min, Number.MAX_SAFE_INTEGER);
}

function replicaCount(value: unknown): number {
  if (value === undefined) return 1;
  if (value === 1 || value === 3 || value === 5) return value;
  throw invalid(`replicas must be 1, 3 or 5, got ${show(value)}`);
}

/** Throws `INVALID_OPTION` unless the value is a number above 0. */
export function assertPositive(name: string, value: number): void {
  if (!(value > 0)) throw invalid(`${name} must be > 0, got ${value}`);
}

const show = (value: unknown): string => (typeof value === "number" ? String(value) : JSON.stringify(value));
const invalid = (message: string): BusError => new BusError("INVALID_OPTION", message);
