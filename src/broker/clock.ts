/**
 * The two times of a broker, both in whole milliseconds since 1970 and never running backwards.
 * `nowMs` is how time passes: it begins at the wall clock's time and then goes by the monotonic
 * clock alone, so a wall clock that is set, or runs wrong, shortens nobody's session and makes no
 * peer look silent. `wallMs` is what records are stamped with: it follows the wall clock, but
 * gradually, by at most a tenth of the time that passes. A wrong reading must not put an hour's gap
 * into a log, whose times never decrease.
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

export class ProcessClock {
  readonly #source: TimeSource
  /** The wall clock's time when the monotonic clock was at 0. */
  readonly #originMs: number
  #monotonicMs: number
  #slewedMs: number

  constructor(source: TimeSource = machineTime) {
    this.#source = source
    this.#monotonicMs = source.monotonicMs()
    this.#slewedMs = source.wallMs()
    this.#originMs = this.#slewedMs - this.#monotonicMs
  }

  /** For timeouts: only differences mean anything. */
  nowMs(): number {
    this.#follow()
    return Math.floor(this.#originMs + this.#monotonicMs)
  }

  /** For timestamps, and for what is compared with them. */
  wallMs(): number {
    this.#follow()
    return Math.floor(this.#slewedMs)
  }

  /** At every reading: a tenth of an idle hour must not be made up for in one step. */
  #follow(): void {
    const monotonicMs = Math.max(this.#monotonicMs, this.#source.monotonicMs())
    const elapsedMs = monotonicMs - this.#monotonicMs
    this.#monotonicMs = monotonicMs
    const expectedMs = this.#slewedMs + elapsedMs
    const driftMs = this.#source.wallMs() - expectedMs
    const correctionMax = elapsedMs / 10
    this.#slewedMs = expectedMs + Math.max(-correctionMax, Math.min(driftMs, correctionMax))
  }
}
