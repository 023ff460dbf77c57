/** Why a first connection failed, as one sentence with the fix: what no later dial can change, and what it might. */
import { errors } from "@nats-io/nats-core";
import { BusError } from "../../protocol/errors.ts";
import type { ResolvedNatsOptions } from "./nats-options.ts";

/** OpenSSL's and Node's names for "nobody I trust has signed this". */
const UNTRUSTED = new Set([
  "CERT_SIGNATURE_FAILURE",
  "CERT_UNTRUSTED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** The error for what stays so until somebody mends it: refused credentials, certificates. Null: dial again. */
export function refusalOf(error: unknown, options: ResolvedNatsOptions): BusError | null {
  const server = `the NATS server at ${options.url}`;
  if (error instanceof errors.AuthorizationError) return unsuitable(whyRefused(server, options), error);
  const { code, message } = error as { code?: string; message?: string };
  if (code !== undefined && UNTRUSTED.has(code)) {
    return unsuitable(
      `the certificate of ${server} is not trusted (${code}): set tls.caFile to the CA that signed it`,
      error,
    );
  }
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID") {
    return unsuitable(`the certificate of ${server} does not count today (${code}): renew it there`, error);
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return unsuitable(`the certificate of ${server} is for another host: use a name that it holds in the URL`, error);
  }
  // With TLS 1.3 the server looks at our certificate when we think that the handshake is over.
  if (code?.includes("_ALERT_")) {
    const fix =
      options.tls?.certFile === undefined
        ? "it wants one of ours: set tls.certFile and tls.keyFile"
        : "it does not accept tls.certFile: have it signed by the CA that the server trusts (its ca_file)";
    return unsuitable(`${server} ended the TLS handshake (${alertOf(code)}); ${fix}`, error);
  }
  if (message === "server does not support 'tls'") {
    return unsuitable(`${server} has no TLS: connect to nats://, or add tls {} to its configuration`, error);
  }
  return null;
}

/** `ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED` → `certificate required`. */
const alertOf = (code: string): string =>
  code
    .replace(/^.*_ALERT_/, "")
    .replaceAll("_", " ")
    .toLowerCase();

function whyRefused(server: string, { user, token, credsFile, nkeyFile }: ResolvedNatsOptions): string {
  const refused = `${server} refused the credentials`;
  if (user !== undefined) return `${refused}: check user and password`;
  if (token !== undefined) return `${refused}: check token`;
  if (credsFile !== undefined) return `${refused}: check credsFile ${credsFile} (has its JWT expired?)`;
  if (nkeyFile !== undefined) return `${refused}: check nkeyFile ${nkeyFile} (does the server know its public key?)`;
  return `${server} wants credentials: set user and password, token, credsFile or nkeyFile`;
}

export const unsuitable = (message: string, cause?: unknown): BusError =>
  new BusError("SERVER_UNSUITABLE", message, { cause });
