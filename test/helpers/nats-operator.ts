/**
 * An operator, an account and users, as `nsc` makes them: NATS's own JWTs, signed with its own keys. Enough for a server
 * that trusts the operator and users who come with a `.creds` file.
 */
import { randomBytes } from "node:crypto";
import { nkeys } from "@nats-io/nats-core";

type KeyPair = ReturnType<typeof nkeys.createUser>;

export interface NatsOperator {
  /** The lines of the server's configuration. */
  readonly config: string;
  /** The content of a `.creds` file for a new user, and the seed in it. `expiresAt` in seconds of the epoch. */
  makeUser(name: string, expiresAt?: number): { creds: string; seed: string };
}

export function makeOperator(): NatsOperator {
  const operator = nkeys.createOperator();
  const [account, system] = [nkeys.createAccount(), nkeys.createAccount()];
  const unlimited = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };
  const jetStream = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
  const operatorJwt = sign(operator, "OPERATOR", operator.getPublicKey(), { type: "operator", version: 2 });
  const accountJwt = (of: KeyPair, name: string, limits: object) =>
    sign(operator, name, of.getPublicKey(), { type: "account", version: 2, limits });
  return {
    config: [
      `operator: "${operatorJwt}"`,
      `system_account: ${system.getPublicKey()}`,
      "resolver: MEMORY",
      "resolver_preload {",
      `  ${account.getPublicKey()}: "${accountJwt(account, "APP", { ...unlimited, ...jetStream })}"`,
      `  ${system.getPublicKey()}: "${accountJwt(system, "SYS", unlimited)}"`,
      "}",
    ].join("\n"),
    makeUser(name, expiresAt) {
      const user = nkeys.createUser();
      const claims = { type: "user", version: 2, pub: {}, sub: {}, subs: -1, data: -1, payload: -1 };
      const jwt = sign(account, name, user.getPublicKey(), claims, expiresAt);
      const seed = new TextDecoder().decode(user.getSeed());
      const block = (title: string, text: string) => `-----BEGIN ${title}-----\n${text}\n------END ${title}------\n\n`;
      return { creds: block("NATS USER JWT", jwt) + block("USER NKEY SEED", seed), seed };
    },
  };
}

function sign(by: KeyPair, name: string, sub: string, nats: object, expiresAt?: number): string {
  const now = Math.floor(Date.now() / 1_000);
  const claims = {
    jti: randomBytes(16).toString("hex"),
    iat: now,
    iss: by.getPublicKey(),
    name,
    sub,
    ...(expiresAt !== undefined && { exp: expiresAt }),
    nats,
  };
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const body = `${encode({ typ: "JWT", alg: "ed25519-nkey" })}.${encode(claims)}`;
  return `${body}.${Buffer.from(by.sign(Buffer.from(body))).toString("base64url")}`;
}
