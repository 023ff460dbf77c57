/** connectFromEnv: the bus as the environment says: its URL, who we are to it, and whom we trust. */
import { BusError, connectSynapse, type ConnectOptions, type Synapse } from "@myelin/bus";
import type { Env } from "./env.ts";

export const SYNAPSE_VARIABLES = [
  "SYNAPSE_URL",
  "SYNAPSE_USER",
  "SYNAPSE_PASSWORD",
  "SYNAPSE_TOKEN",
  "SYNAPSE_CREDS",
  "SYNAPSE_NKEY",
  "SYNAPSE_CA",
  "SYNAPSE_CERT",
  "SYNAPSE_KEY",
] as const;

/** As the options of connectSynapse call them, so that its errors can be told in the words of who set them here. */
const NAMES: { readonly [option: string]: (typeof SYNAPSE_VARIABLES)[number] } = {
  user: "SYNAPSE_USER",
  password: "SYNAPSE_PASSWORD",
  token: "SYNAPSE_TOKEN",
  credsFile: "SYNAPSE_CREDS",
  nkeyFile: "SYNAPSE_NKEY",
  "tls.caFile": "SYNAPSE_CA",
  "tls.certFile": "SYNAPSE_CERT",
  "tls.keyFile": "SYNAPSE_KEY",
};

/** Rejects as `connectSynapse` does; its errors name the variables. */
export async function connectFromEnv(env: Env<(typeof SYNAPSE_VARIABLES)[number]>, name: string): Promise<Synapse> {
  const { SYNAPSE_CA: caFile, SYNAPSE_CERT: certFile, SYNAPSE_KEY: keyFile } = env;
  const options: ConnectOptions = {
    name,
    user: env.SYNAPSE_USER,
    password: env.SYNAPSE_PASSWORD,
    token: env.SYNAPSE_TOKEN,
    credsFile: env.SYNAPSE_CREDS,
    nkeyFile: env.SYNAPSE_NKEY,
    tls:
      caFile === undefined && certFile === undefined && keyFile === undefined
        ? undefined
        : { caFile, certFile, keyFile },
  };
  try {
    return await connectSynapse(env.SYNAPSE_URL, options);
  } catch (error) {
    if (!(error instanceof BusError)) throw error;
    throw new BusError(error.code, inOurWords(error.message), { cause: error });
  }
}

/** Option names as words of their own: not as part of a path, a host or another word. */
const OPTION = new RegExp(
  `(?<![\\w./-])(${Object.keys(NAMES).join("|").replaceAll(".", "\\.")})(?![\\w/-]|[.:]\\w)`,
  "g",
);
const inOurWords = (message: string): string => message.replace(OPTION, (option) => NAMES[option]!);
