/** TLS: the files of the options, checked before the first dial; the client reads them again at every dial. */
import { X509Certificate } from "node:crypto";
import { checkServerIdentity, createSecureContext, type PeerCertificate } from "node:tls";
import { isIP } from "node:net";
import type { TlsOptions } from "@nats-io/nats-core";
import { checkOptionFile, readOptionFile } from "./nats-files.ts";
import type { ResolvedNatsOptions, TlsFiles } from "./nats-options.ts";

/** Undefined without TLS. Throws `INVALID_OPTION` for a file that cannot be read, or that TLS cannot use. */
export function tlsOptionsOf({ tls, servers }: ResolvedNatsOptions): TlsOptions | undefined {
  if (!tls) return undefined;
  checkFiles(tls);
  const { caFile, certFile, keyFile } = tls;
  const hosts = servers.map((server) => server.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1"));
  const options = {
    ...(caFile !== undefined && { caFile }),
    ...(certFile !== undefined && { certFile }),
    ...(keyFile !== undefined && { keyFile }),
    checkServerIdentity: (host: string, certificate: PeerCertificate) => checkIdentity(host, hosts, certificate),
  };
  // The client hands all of it to Node, but its type lists only the files.
  return options;
}

/**
 * The client gives Node no name where the URL has an address, and Node takes that for "localhost". Then the certificate must
 * be for one of the addresses (or the localhost) that the URL names.
 */
function checkIdentity(host: string, hosts: readonly string[], certificate: PeerCertificate): Error | undefined {
  const candidates = hosts.filter((one) => isIP(one) !== 0 || one === host);
  if (host !== "localhost" || candidates.length === 0) return checkServerIdentity(host, certificate);
  const errors = candidates.map((one) => checkServerIdentity(one, certificate));
  return errors.includes(undefined) ? undefined : errors[0];
}

function checkFiles({ caFile, certFile, keyFile }: TlsFiles): void {
  if (caFile !== undefined) checkCertificate("tls.caFile", caFile);
  if (certFile === undefined || keyFile === undefined) return;
  const cert = checkCertificate("tls.certFile", certFile);
  const key = readOptionFile("tls.keyFile", keyFile);
  checkOptionFile(
    `tls.keyFile ${keyFile} is not the private key, in PEM and without a passphrase, of tls.certFile`,
    () => createSecureContext({ cert, key }),
  );
}

function checkCertificate(option: string, file: string): Buffer {
  const pem = readOptionFile(option, file);
  checkOptionFile(`${option} ${file} is not a certificate in PEM`, () => new X509Certificate(pem));
  return pem;
}
