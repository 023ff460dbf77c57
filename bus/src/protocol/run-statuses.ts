/** The statuses of a run. */

/** Statuses in which a run still lives. */
export const OPEN_STATUSES = [
  "running",
  "waiting_client_tool",
  "waiting_human_input",
  "waiting_approval",
  "waiting_child",
] as const;
/** Statuses in which a run is over. */
export const TERMINAL_STATUSES = ["success", "error", "cancelled", "max_iterations"] as const;
export const RUN_STATUSES = [...OPEN_STATUSES, ...TERMINAL_STATUSES] as const;
export type OpenStatus = (typeof OPEN_STATUSES)[number];
/** Why a run waits. */
export type WaitingStatus = Exclude<OpenStatus, "running">;
export type TerminalStatus = (typeof TERMINAL_STATUSES)[number];
export type RunStatus = (typeof RUN_STATUSES)[number];
