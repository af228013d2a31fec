/**
 * The time of one machine: its monotonic clock runs too fast or too slow by its drift, its wall
 * clock jumps. What a process reads is the shipped clock over both.
 */
import { ProcessClock } from "../broker/clock.ts"

/** Where simulated time begins; a plausible wall clock. */
export const epochMs = 1_760_000_000_000

const million = 1_000_000

export class MachineClock {
  /** By how much this machine's clock runs too fast. */
  driftPpm: number
  private readonly trueUs: () => number
  /** The drift may change: local time goes on from here. */
  private baseTrueUs = 0
  private baseLocalUs = 0
  private jumpMs = 0

  constructor(trueUs: () => number, driftPpm: number) {
    this.trueUs = trueUs
    this.driftPpm = driftPpm
  }

  setDrift(ppm: number): void {
    this.baseLocalUs = this.localUs()
    this.baseTrueUs = this.trueUs()
    this.driftPpm = ppm
  }

  jump(byMs: number): void {
    this.jumpMs += byMs
  }

  /** True time until `localUs` of local time have passed. */
  trueSpanUs(localUs: number): number {
    return Math.max(1, Math.round((localUs * million) / (million + this.driftPpm)))
  }

  private localUs(): number {
    const passed = this.trueUs() - this.baseTrueUs
    if (this.driftPpm === 0) return this.baseLocalUs + passed
    return this.baseLocalUs + Math.floor((passed * (million + this.driftPpm)) / million)
  }

  /** The clock of a process that starts now. */
  newProcess(): ProcessClock {
    return new ProcessClock({
      monotonicMs: () => this.localUs() / 1000,
      wallMs: () => epochMs + this.jumpMs + this.localUs() / 1000,
    })
  }
}
