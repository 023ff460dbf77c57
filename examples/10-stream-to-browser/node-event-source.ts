/**
 * A browser's EventSource for Node, as far as a page needs it: named events, `retry`, and coming back with `Last-Event-ID`.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
import { setTimeout as sleep } from "node:timers/promises";

export class NodeEventSource extends EventTarget {
  static readonly CLOSED = 2;
  readyState = 0;
  onerror: (() => void) | null = null;
  #lastEventId = "";
  #retryMs = 3_000;
  readonly #closing = new AbortController();

  constructor(url: URL) {
    super();
    void this.#run(url);
  }

  close(): void {
    this.readyState = NodeEventSource.CLOSED;
    this.#closing.abort();
  }

  async #run(url: URL): Promise<void> {
    for (;;) {
      const isRefused = await this.#read(url).catch(() => false);
      if (this.#closing.signal.aborted) return;
      this.readyState = isRefused ? NodeEventSource.CLOSED : 0;
      this.onerror?.();
      if (isRefused) return;
      await sleep(this.#retryMs);
      if (this.#closing.signal.aborted) return;
    }
  }

  /** One connection, to its end. True: the server does not want us back. */
  async #read(url: URL): Promise<boolean> {
    const headers = { accept: "text/event-stream", ...(this.#lastEventId && { "last-event-id": this.#lastEventId }) };
    const response = await fetch(url, { headers, signal: this.#closing.signal });
    if (response.status !== 200) return true;
    this.readyState = 1;
    let rest = "";
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const frames = (rest + chunk).split("\n\n");
      rest = frames.pop()!; // a frame that is not whole yet
      for (const frame of frames) this.#take(frame);
    }
    return false;
  }

  #take(frame: string): void {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(frame)?.[1];
    const [id, retry, data] = [field("id"), field("retry"), field("data")];
    if (id !== undefined) this.#lastEventId = id;
    if (retry !== undefined) this.#retryMs = Number(retry);
    if (data === undefined || this.#closing.signal.aborted) return;
    this.dispatchEvent(new MessageEvent(field("event") ?? "message", { data, lastEventId: this.#lastEventId }));
  }
}
