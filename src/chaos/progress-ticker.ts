/** What a run is doing now, put together a few times a second for whoever watches. */
import type { RunClock } from "./clock.ts"
import type { FaultRecord } from "./fault.ts"
import type { ProgressState } from "./report/progress.ts"
import type { Workload } from "./workload.ts"

const everyMs = 200

export class ProgressTicker {
  readonly #clock: RunClock
  readonly #totalMs: number
  readonly #onProgress: (state: ProgressState) => void
  readonly #timer: ReturnType<typeof setInterval>
  #workloads: ReadonlyArray<Workload> = []
  #phase = "start"
  #planned = 0
  #done = 0
  #effective = 0
  #worstStallMs = 0
  current: string | undefined

  constructor(clock: RunClock, totalMs: number, onProgress: (state: ProgressState) => void) {
    this.#clock = clock
    this.#totalMs = totalMs
    this.#onProgress = onProgress
    this.#timer = setInterval(() => this.#tick(), everyMs)
  }

  set workloads(workloads: ReadonlyArray<Workload>) {
    this.#workloads = workloads
  }

  set planned(count: number) {
    this.#planned = count
  }

  phase(name: string): void {
    this.#phase = name
    this.#tick()
  }

  noteFault({ effective }: FaultRecord): void {
    this.#done++
    if (effective) this.#effective++
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    const elapsedMs = this.#clock.nowMs()
    if (this.#phase === "faults") this.#noteStall(elapsedMs)
    this.#onProgress({
      phase: this.#phase,
      elapsedMs,
      totalMs: this.#totalMs,
      acknowledged: this.#workloads.reduce((sum, { progress }) => sum + progress.acknowledged, 0),
      faults: { planned: this.#planned, done: this.#done, effective: this.#effective },
      current: this.current,
      worstStallMs: this.#worstStallMs,
    })
  }

  #noteStall(nowMs: number): void {
    const last = Math.max(...this.#workloads.map(({ progress }) => progress.lastAcknowledgedMs))
    if (Number.isFinite(last)) this.#worstStallMs = Math.max(this.#worstStallMs, nowMs - last)
  }
}
