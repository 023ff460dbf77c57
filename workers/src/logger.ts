/** createLogger: JSON lines on stdout, in which no secret stands. */
import { pino, type Logger } from "pino";

/** Shorter texts are no secrets worth hiding, and hiding them would garble every line. */
const SHORTEST_SECRET = 6;

/**
 * A pino logger for one process. `secrets` are replaced wherever they appear, also inside the messages of errors that
 * somebody else's library wrote; keys that usually hold secrets are masked whatever they hold.
 */
export function createLogger(name: string, options: { level: string; secrets?: readonly string[] }): Logger {
  const secrets = (options.secrets ?? [])
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    .map((secret) => JSON.stringify(secret).slice(1, -1));
  const keys = ["authorization", "token", "password", "apiKey", "api_key", "databaseUrl"];
  return pino({
    name,
    level: options.level,
    redact: { paths: keys.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), censor: "[redacted]" },
    serializers: { err: pino.stdSerializers.err, error: pino.stdSerializers.err },
    hooks: { streamWrite: (line) => secrets.reduce((text, secret) => text.replaceAll(secret, "[redacted]"), line) },
  });
}
