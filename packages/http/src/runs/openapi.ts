/** openApi: the OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1) of a router, from its table of operations. */
import { z } from "zod";
import { ANSWERS } from "./answers.ts";
import { BODIES } from "./bodies.ts";
import { HEADERS, type Operation } from "./operations.ts";
import type { JsonSchema } from "./parameters.ts";

export interface DocumentOptions {
  /** Where the routes begin; empty: where the document lies is not said. */
  readonly basePath: string;
}

const SAYS: { readonly [status: number]: string } = {
  200: "It is done",
  202: "It is begun, and goes on",
  204: "There is nothing more: the run is over and its last frame was received",
  400: "The body is not what it must be",
  401: "Who asks is not known",
  403: "Who asks may not do this",
  404: "There is no such run, or it is another tenant's",
  409: "The run is not in a state for this, or somebody was first",
  410: "The pause could be answered until a while ago",
  413: "The body is too large",
  415: "The body is not JSON",
  422: "A parameter is not what it must be, or names what is not there",
  500: "A fault of ours",
  502: "The run failed",
  503: "Nobody there to do it now, or too much to do; try again",
  504: "No answer in time",
};
/** Of every route that is not open. */
const GUARDED = [401, 403, 500, 503];

export function openApi(operations: Readonly<Record<string, Operation>>, { basePath }: DocumentOptions): JsonSchema {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [operationId, operation] of Object.entries(operations)) {
    const path = operation.path.replace(/:(\w+)/g, "{$1}");
    (paths[path] ??= {})[operation.method.toLowerCase()] = { operationId, ...describe(operation) };
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "Myelin runs",
      version: "1",
      description:
        "Runs of agents and other neurons: lists, journals, conversations and costs, and what starts and steers them.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    ...(basePath !== "" && { servers: [{ url: basePath }] }),
    // Who may is the application's own business (`authorize`); a bearer token is the usual way, and none may do too.
    security: [{ bearer: [] }, {}],
    paths,
    components: {
      securitySchemes: { bearer: { type: "http", scheme: "bearer" } },
      schemas: { ...toSchemas(ANSWERS, "output"), ...toSchemas(BODIES, "input") },
    },
  };
}

function describe({
  summary,
  guard,
  path,
  query = {},
  headers = [],
  body,
  answers,
  problems = [],
}: Operation): JsonSchema {
  const ids = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    description: "A run's id",
    schema: { type: "string" },
  }));
  const inQuery = Object.entries(query).map(([name, { says, schema }]) => ({
    name,
    in: "query",
    description: says,
    ...(schema["type"] !== "string" && schema["type"] !== "integer" && { style: "form", explode: true }),
    schema,
  }));
  const inHeader = headers.map((name) => ({
    name,
    in: "header",
    description: HEADERS[name],
    schema: { type: "string" },
  }));
  const statuses = guard === "open" ? problems : [...problems, ...GUARDED];
  return {
    summary,
    ...(guard === "open" && { security: [] }),
    parameters: [...ids, ...inQuery, ...inHeader],
    ...(body && {
      requestBody: {
        required: body.isOptional !== true,
        content: { "application/json": { schema: ref(body.schema) } },
      },
    }),
    responses: Object.fromEntries([
      ...Object.entries(answers).map(([status, answer]) => [
        status,
        { description: SAYS[Number(status)], ...contentOf(answer) },
      ]),
      ...statuses.map((status) => [
        status,
        { description: SAYS[status], content: { "application/problem+json": { schema: ref("Problem") } } },
      ]),
    ]) as JsonSchema,
  };
}

function contentOf(answer: Operation["answers"][number]): JsonSchema {
  if (answer === null) return {};
  if (answer === "event-stream") return { content: { "text/event-stream": { schema: { type: "string" } } } };
  const schema = typeof answer === "string" ? ref(answer) : { anyOf: answer.map(ref) };
  return { content: { "application/json": { schema } } };
}

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

function toSchemas(schemas: Readonly<Record<string, z.ZodType>>, io: "input" | "output"): Record<string, JsonSchema> {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => {
      const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
      return [name, json];
    }),
  );
}
