/** Fault: something that was broken on purpose, and when. */
export interface Fault {
  /** Such as `kill -9`. */
  readonly kind: string;
  /** The process it happened to; null when it was a server, the network, or all processes. */
  readonly victim: string | null;
  /** Whom it may delay: operations, or the recording only. */
  readonly touches: "operations" | "recording";
  /** In ms of the epoch. */
  readonly startedAt: number;
  readonly endedAt: number;
}
