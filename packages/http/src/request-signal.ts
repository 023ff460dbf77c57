/** requestSignal: an AbortSignal that fires when the client of a node:http (or Express-like) request goes away. */

/** The slice of a request that we look at; Express' and node's own fit. */
export interface ClientRequest {
  readonly destroyed?: boolean | undefined;
  readonly aborted?: boolean | undefined;
}

/** The slice of a response that we listen to; Express' and node's own fit. */
export interface ClientResponse {
  readonly writableFinished: boolean;
  readonly destroyed?: boolean | undefined;
  once(event: "close", listener: () => void): unknown;
}

/**
 * Aborts with an `AbortError` when the connection closes before the response was sent; never after. Hand it to
 * `dispatchAndWait({ signal })`: the run of a caller who left is stopped. May be called again for one request.
 */
export function requestSignal(req: ClientRequest, res: ClientResponse): AbortSignal {
  const controller = new AbortController();
  const onClose = () => {
    if (res.writableFinished) return;
    controller.abort(new DOMException("the client went away before it was answered", "AbortError"));
  };
  // Not the request's own `close`: it also comes when the body has been read.
  if (req.aborted === true || res.destroyed === true) onClose();
  else res.once("close", onClose);
  return controller.signal;
}
