/** How long each part of a run may take, ms. */
import type { RunOptions } from "./result.ts"

export interface Limits {
  /** Quiet, with clients at work. */
  readonly leadInMs: number
  /** Until everything serves, before the first fault. */
  readonly formationMs: number
  /** From the last heal until everything serves again. */
  readonly recoveryMs: number
  /**
   * For what clients have under way: a group whose last answers were lost reads on after a session
   * or two (10 s with foreign clients) and a timeout of its client (up to 30 s).
   */
  readonly stopMs: number
  readonly drainMs: number
  /** The same of a cluster that has not recovered: who can be heard and read is so soon. */
  readonly illStopMs: number
  readonly illDrainMs: number
  readonly checkMs: number
}

const short: Limits = {
  leadInMs: 3_000,
  formationMs: 30_000,
  recoveryMs: 60_000,
  stopMs: 60_000,
  drainMs: 120_000,
  illStopMs: 15_000,
  illDrainMs: 30_000,
  checkMs: 120_000,
}

const long: Limits = {
  ...short,
  leadInMs: 10_000,
  formationMs: 60_000,
  recoveryMs: 120_000,
  drainMs: 900_000,
  checkMs: 900_000,
}

const longSeconds = 600

export const limitsOf = ({ seconds }: RunOptions): Limits => (seconds > longSeconds ? long : short)

/**
 * What a run of this kind usually takes: start, recovery, drain and check take a few seconds each.
 */
export const expectedMs = (options: RunOptions): number =>
  options.seconds * 1150 + limitsOf(options).leadInMs + 15_000
