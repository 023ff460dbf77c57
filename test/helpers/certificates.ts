/** Certificates for one test: a CA, and what it signs. Made by openssl, because node:crypto signs no certificates. */
import { execFile } from "node:child_process";
import { chmod, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

export interface PemFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** A CA in `directory`, and a function by which it signs: `sign("server", "subjectAltName=IP:127.0.0.1")`. */
export async function makeCa(
  directory: string,
  name = "ca",
): Promise<{ caFile: string; sign: (name: string, extension: string) => Promise<PemFiles> }> {
  const ca = pem(directory, name);
  const isCa = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"];
  await run("openssl", ["req", "-x509", ...NEW_KEY, ...out(ca), "-days", "2", "-subj", `/CN=${name}`, ...isCa]);
  return {
    caFile: ca.certFile,
    async sign(of, extension) {
      const files = pem(directory, of);
      const request = path.join(directory, `${of}.csr`);
      const extensions = path.join(directory, `${of}.ext`);
      await writeFile(extensions, `${extension}\n`);
      await run("openssl", [
        "req",
        "-new",
        ...NEW_KEY,
        "-keyout",
        files.keyFile,
        "-out",
        request,
        "-subj",
        `/CN=${of}`,
      ]);
      const by = ["-CA", ca.certFile, "-CAkey", ca.keyFile, "-CAcreateserial", "-extfile", extensions, "-days", "2"];
      await run("openssl", ["x509", "-req", "-in", request, ...by, "-out", files.certFile]);
      await chmod(files.keyFile, 0o644); // the server may run as another user
      return files;
    },
  };
}

const pem = (directory: string, name: string): PemFiles => ({
  certFile: path.join(directory, `${name}.pem`),
  keyFile: path.join(directory, `${name}.key`),
});
const out = ({ certFile, keyFile }: PemFiles) => ["-keyout", keyFile, "-out", certFile];
