/** HttpProblem: an error as the client sees it, in the words of RFC 9457 (`application/problem+json`). A leaf. */

/** Codes of this package. A problem may carry another one: that of the error behind it, or the neuron's own. */
export type HttpProblemCode =
  | "BAD_REQUEST"
  | "BAD_JSON"
  | "BAD_BODY"
  | "BODY_CONSUMED"
  | "INVALID_QUERY"
  | "UNAUTHORIZED"
  | "FORBIDDEN"
  | "NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "PAYLOAD_TOO_LARGE"
  | "UNSUPPORTED_MEDIA_TYPE"
  | "CLIENT_GONE"
  | "INTERNAL"
  | "NOT_READY"
  | "OVERLOADED"
  | "STOPPING";

/** `type` is `about:blank`, so that by the RFC the title is the status' own phrase; `code` is what programs branch on. */
const TITLES: { readonly [status: number]: string } = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  410: "Gone",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  499: "Client Closed Request",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

export interface HttpProblemOptions {
  readonly status: number;
  readonly code: HttpProblemCode | (string & {});
  /** One sentence for the client: the value and the fix. Everybody may read it. */
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** More members of the body, for programs. */
  readonly members?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

/** Throw one from `authorize` or a handler of your own to choose what the client gets. */
export class HttpProblem extends Error {
  override readonly name = "HttpProblem";
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly members: Readonly<Record<string, unknown>>;

  constructor({ status, code, detail, headers = {}, members = {}, cause }: HttpProblemOptions) {
    super(detail, cause === undefined ? undefined : { cause });
    this.status = status;
    this.code = code;
    this.headers = headers;
    this.members = members;
  }

  /** As it is in a body. */
  toBody(): Record<string, unknown> {
    const { status, code, message: detail } = this;
    return { type: "about:blank", title: TITLES[status] ?? "Error", status, detail, code, ...this.members };
  }

  toResponse(): Response {
    return new Response(JSON.stringify(this.toBody()), {
      status: this.status,
      headers: { "content-type": "application/problem+json", "cache-control": "no-store", ...this.headers },
    });
  }
}
