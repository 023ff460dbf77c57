/**
 * Credentials from files: read and checked before the first dial, where a wrong one is an error with its path, and read again
 * at every later one, so that a file may be renewed in place.
 */
import { credsAuthenticator, nkeyAuthenticator, nkeys, type Authenticator } from "@nats-io/nats-core";
import { checkOptionFile, readOptionFile } from "./nats-files.ts";
import type { ResolvedNatsOptions } from "./nats-options.ts";

/** Who we are by a file; undefined if we are nobody, or somebody by other means. Throws `INVALID_OPTION`. */
export function authenticatorOf({ credsFile, nkeyFile }: ResolvedNatsOptions): Authenticator | undefined {
  if (credsFile !== undefined) return credsAuthenticator(latest(() => readCreds(credsFile)));
  if (nkeyFile !== undefined) return nkeyAuthenticator(latest(() => readSeed(nkeyFile)));
  return undefined;
}

/** Read now; later again, or the last that could be read. */
function latest(read: () => Uint8Array): () => Uint8Array {
  let last = read();
  return () => {
    try {
      last = read();
    } catch {
      // It is being replaced, or gone: the server decides whether what we have still counts.
    }
    return last;
  };
}

function readCreds(file: string): Uint8Array {
  const bytes = readOptionFile("credsFile", file);
  // Signing something looks at both parts.
  checkOptionFile(`credsFile ${file} is not a .creds file (a JWT and a seed between dashed lines)`, () =>
    credsAuthenticator(bytes)("nonce"),
  );
  return bytes;
}

/** The seed is the line that looks like one, so that the file may have comments. */
function readSeed(file: string): Uint8Array {
  const line = /^\s*(S[A-Z2-7]{20,})\s*$/m.exec(readOptionFile("nkeyFile", file).toString("utf8"));
  const seed = Buffer.from(line?.[1] ?? "");
  checkOptionFile(`nkeyFile ${file} holds no seed of an NKey (SU…)`, () => nkeys.fromSeed(seed));
  return seed;
}
