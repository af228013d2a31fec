/**
 * The time a broker lives in: milliseconds since 1970 that never run backwards and never jump. A
 * wall clock set forward by an hour must not make every peer look silent for an hour, and one set
 * back must not stop time, so the difference is worked off gradually: a tenth of the time that
 * passes. Timeouts are measured in this time, so they are never off by more than that tenth.
 */
export interface TimeSource {
  /** Milliseconds since 1970, as the machine believes; may jump. */
  readonly wallMs: () => number
  /** Milliseconds since some start; never jumps, never runs back. */
  readonly monotonicMs: () => number
}

export const machineTime: TimeSource = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
}

export class SlewingClock {
  private readonly source: TimeSource
  private monotonic: number
  private time: number

  constructor(source: TimeSource = machineTime) {
    this.source = source
    this.monotonic = source.monotonicMs()
    this.time = source.wallMs()
  }

  /** Whole milliseconds, never less than the last answer. */
  nowMs(): number {
    const monotonic = this.source.monotonicMs()
    const elapsed = Math.max(0, monotonic - this.monotonic)
    this.monotonic = monotonic
    const expected = this.time + elapsed
    const drift = this.source.wallMs() - expected
    const correctionMax = elapsed / 10
    const correction = Math.max(-correctionMax, Math.min(drift, correctionMax))
    this.time = expected + correction
    return Math.floor(this.time)
  }
}
