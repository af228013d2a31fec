/** Milliseconds since a run began, monotonic; the one time of histories, faults and reports. */
export interface RunClock {
  nowMs(): number
  /** Rejects with the signal's reason when it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}
