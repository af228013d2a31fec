import type { RunClock } from "../../../src/chaos/clock.ts"
import type { ClientControl } from "../../../src/chaos/workload.ts"

/** Begins an operation each ten milliseconds, one more for each successor. */
export class FakeClient implements ClientControl {
  readonly name: string
  readonly role: ClientControl["role"]
  readonly pid = undefined
  readonly beget?: () => Promise<void>
  /** It takes orders and does nothing. */
  isNeutral = false
  successors = 0
  isPaused = false
  private readonly clock: RunClock
  private begun = 0
  private sinceMs: number

  constructor(name: string, role: ClientControl["role"], clock: RunClock) {
    this.name = name
    this.role = role
    this.clock = clock
    this.sinceMs = clock.nowMs()
    if (role === "producer") this.beget = () => this.succeed()
  }

  get operations(): number {
    const nowMs = this.clock.nowMs()
    const working = (this.isPaused ? 0 : 1) + this.successors
    this.begun += (working * (nowMs - this.sinceMs)) / 10
    this.sinceMs = nowMs
    return Math.floor(this.begun)
  }

  pause(): void {
    if (this.operations >= 0 && !this.isNeutral) this.isPaused = true
  }

  resume(): void {
    if (this.operations >= 0) this.isPaused = false
  }

  private async succeed(): Promise<void> {
    await this.clock.sleep(5)
    if (this.operations >= 0 && !this.isNeutral) this.successors++
  }
}
