/**
 * The one writer of a run's history: operations in memory for the checkers, and each event as a
 * line of `history.jsonl` the moment it is known (VERIFICATION §3.1).
 */
import type { Call, Told } from "./history.ts"

/** An operation that has been invoked. */
export interface Begun {
  /**
   * Once. `result` replaces fields of the call. `atMs` (run clock) for clients in other processes,
   * which know better when they were told; default: now.
   */
  end(told: Told, result?: Partial<Call>, atMs?: number): void
}

export interface Recorder {
  /** Before the request leaves. `atMs` as with `end`: must not be later than the truth. */
  begin(process: string, call: Call, atMs?: number): Begun
}
