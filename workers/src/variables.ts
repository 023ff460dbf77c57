/** Variables: every environment variable that our processes read, with its check, its default and an example. */
import { z } from "zod";

/** One variable. An empty value counts as not set, because compose files write `X=${X:-}`. */
export interface Variable<T extends z.ZodType = z.ZodType> {
  /** What it is for, for people. */
  readonly says: string;
  /** Its issues say what the value must be: "must be …". */
  readonly schema: T;
  /** Used when it is not set, and parsed like a set one. Without one it is undefined, or required. */
  readonly fallback?: string;
  readonly isRequired?: boolean;
  /** Shown with every complaint. */
  readonly example: string;
  /** Never shown, and masked in everything we log. */
  readonly isSecret?: boolean;
}

const wholeNumber = (min: number, max: number, what = "a whole number") =>
  z
    .string()
    .regex(/^\d{1,9}$/, `must be ${what} from ${min} to ${max}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be ${what} from ${min} to ${max}`);

const url = (...schemes: string[]) =>
  z.string().refine(
    (value) => {
      const scheme = schemes.find((one) => value.startsWith(`${one}://`));
      return scheme !== undefined && value.length > scheme.length + 3 && URL.canParse(value.split(",")[0]!);
    },
    `must be a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}`,
  );

const port = wholeNumber(0, 65_535, "a port");
const flag = z.enum(["true", "false"], "must be true or false").transform((value) => value === "true");
const key = z.string().regex(/^[\x21-\x7e]+$/, "must be printable ASCII without spaces");

/** Any: it is checked by who uses it. */
const text = z.string();

const variable = <T extends z.ZodType>(one: Variable<T>): Variable<T> => one;

export const VARIABLES = {
  SYNAPSE_URL: variable({
    says: "The bus; several servers of a cluster with commas. `NATS_URL` is read when this is not set.",
    schema: url("nats", "tls"),
    fallback: "nats://127.0.0.1:4222",
    example: "nats://127.0.0.1:4222",
  }),
  SYNAPSE_USER: variable({
    says: "Who we are to the bus, if it asks; with `SYNAPSE_PASSWORD`.",
    schema: text.optional(),
    example: "worker",
  }),
  SYNAPSE_PASSWORD: variable({
    says: "The password of `SYNAPSE_USER`.",
    schema: text.optional(),
    example: "…",
    isSecret: true,
  }),
  SYNAPSE_TOKEN: variable({
    says: "The token of a bus that asks for one.",
    schema: text.optional(),
    example: "…",
    isSecret: true,
  }),
  SYNAPSE_CREDS: variable({
    says: "A `.creds` file that says who we are to the bus.",
    schema: text.optional(),
    example: "/run/secrets/worker.creds",
  }),
  SYNAPSE_NKEY: variable({
    says: "A file with the seed of an NKey that says who we are to the bus.",
    schema: text.optional(),
    example: "/run/secrets/worker.nk",
  }),
  SYNAPSE_CA: variable({
    says: "The CA that signed the certificate of the bus, a PEM file. Default: those that Node trusts.",
    schema: text.optional(),
    example: "/etc/myelin/ca.pem",
  }),
  SYNAPSE_CERT: variable({
    says: "Our certificate, for a bus that wants one (mTLS); with `SYNAPSE_KEY`.",
    schema: text.optional(),
    example: "/etc/myelin/worker.pem",
  }),
  SYNAPSE_KEY: variable({
    says: "The key of `SYNAPSE_CERT`.",
    schema: text.optional(),
    example: "/run/secrets/worker.key",
  }),
  MYELIN_NAMESPACE: variable({
    says: "Which fleet the process belongs to.",
    schema: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "must be 1 to 64 of A-Z a-z 0-9 _ -"),
    fallback: "default",
    example: "production",
  }),
  MYELIN_NEURON: variable({
    says: "The neuron that a worker hosts and the gateway asks.",
    schema: z
      .string()
      .regex(
        /^(?!dnd_|run_|_)[A-Za-z0-9_-]{1,64}$/,
        "must be 1 to 64 of A-Z a-z 0-9 _ -, and may not begin with dnd_, run_ or _",
      ),
    fallback: "worker",
    example: "worker",
  }),
  LOG_LEVEL: variable({
    says: "What is logged, as JSON lines on stdout.",
    schema: z.enum(
      ["trace", "debug", "info", "warn", "error", "fatal", "silent"],
      "must be trace, debug, info, warn, error, fatal or silent",
    ),
    fallback: "info",
    example: "info",
  }),
  HOST: variable({
    says: "The address the gateway and `/metrics` listen on. The gateway takes another than loopback only with a token.",
    schema: z.string().regex(/^[A-Za-z0-9.:-]{1,253}$/, "must be a host name or an address"),
    fallback: "127.0.0.1",
    example: "127.0.0.1",
  }),
  PORT: variable({
    says: "The port of the gateway; 0 takes a free one and logs it.",
    schema: port,
    fallback: "8080",
    example: "8080",
  }),
  METRICS_PORT: variable({
    says: "The port of `GET /metrics` in recorder and agent; 0 takes a free one and logs it. Not set: no metrics there.",
    schema: port.optional(),
    example: "9464",
  }),
  GATEWAY_TOKEN: variable({
    says: "Callers of the gateway must send it as `Authorization: Bearer …`. At least 16 characters.",
    schema: key.min(16, "must have at least 16 characters").optional(),
    example: "$(openssl rand -hex 32)",
    isSecret: true,
  }),
  GATEWAY_MAX_IN_FLIGHT: variable({
    says: "How many requests the gateway takes on at once; the next is answered 503.",
    schema: wholeNumber(1, 1_000_000),
    fallback: "1000",
    example: "1000",
  }),
  GATEWAY_DATABASE_URL: variable({
    says: "Where the gateway reads runs, for its run routes. `DATABASE_URL` is read when this is not set; without both they are not there.",
    schema: url("postgresql", "postgres").optional(),
    example: "postgresql://reader@127.0.0.1:5432/myelin",
  }),
  DATABASE_URL: variable({
    says: "Where the recorder records.",
    schema: url("postgresql", "postgres"),
    isRequired: true,
    example: "postgresql://myelin@127.0.0.1:5432/myelin",
  }),
  MYELIN_MIGRATE: variable({
    says: "Whether the recorder brings the database up to date before it starts.",
    schema: flag,
    fallback: "false",
    example: "true",
  }),
  MYELIN_KEEP_LOG_MS: variable({
    says: "How long the log keeps what is recorded and of no open run, in ms; `off` purges nothing.",
    schema: z
      .string()
      .regex(/^(off|\d{1,9})$/, "must be off, or a whole number from 0 to 999999999")
      .transform((value) => (value === "off" ? null : Number(value))),
    fallback: "600000",
    example: "600000",
  }),
  MYELIN_KEEP_SIGNALS_DAYS: variable({
    says: "How long Postgres keeps the raw Signals, in days; weeks that ended longer ago are dropped. Not set: for ever.",
    schema: wholeNumber(1, 36_500).optional(),
    example: "90",
  }),
  MYELIN_CONCURRENCY: variable({
    says: "How many tasks a worker runs at once.",
    schema: wholeNumber(1, 10_000),
    fallback: "8",
    example: "8",
  }),
  MYELIN_MODEL_URL: variable({
    says: "An OpenAI-compatible server that answers, such as Ollama. Wins over the keys below.",
    schema: url("http", "https").optional(),
    example: "http://127.0.0.1:11434/v1",
  }),
  MYELIN_MODEL_KEY: variable({
    says: "The key for `MYELIN_MODEL_URL`, if it wants one.",
    schema: key.optional(),
    example: "sk-…",
    isSecret: true,
  }),
  MYELIN_MODEL: variable({
    says: "The model's name. Each provider has a default.",
    schema: z
      .string()
      .regex(/^[\x21-\x7e]{1,200}$/, "must be a model's name")
      .optional(),
    example: "llama3.1",
  }),
  ANTHROPIC_API_KEY: variable({
    says: "Answer with Claude.",
    schema: key.optional(),
    example: "sk-ant-…",
    isSecret: true,
  }),
  OPENAI_API_KEY: variable({
    says: "Answer with OpenAI.",
    schema: key.optional(),
    example: "sk-…",
    isSecret: true,
  }),
  HF_TOKEN: variable({
    says: "Answer with a model at Hugging Face.",
    schema: key.optional(),
    example: "hf_…",
    isSecret: true,
  }),
  MYELIN_DOCS_DIR: variable({
    says: "The folder of Markdown files to answer from when there is no model. Default: the docs of Myelin.",
    schema: z.string().optional(),
    example: "./docs",
  }),
} satisfies { readonly [name: string]: Variable };

export type VariableName = keyof typeof VARIABLES;

/** Names that are read when the first one is not set. */
export const ALIASES: { readonly [name in VariableName]?: readonly string[] } = {
  SYNAPSE_URL: ["NATS_URL"],
  GATEWAY_DATABASE_URL: ["DATABASE_URL"],
};
