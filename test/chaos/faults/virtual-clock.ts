import type { RunClock } from "../../../src/chaos/clock.ts"

interface Timer {
  readonly atMs: number
  readonly order: number
  readonly wake: () => void
}

/** Time goes on when everybody waits for it: a fault of a minute lasts a moment. */
export class VirtualClock implements RunClock {
  private ms = 0
  private order = 0
  private timers: Array<Timer> = []
  private isScheduled = false

  nowMs(): number {
    return this.ms
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const aborted = () =>
      reject(signal?.reason instanceof Error ? signal.reason : new Error("aborted"))
    if (signal?.aborted === true) aborted()
    signal?.addEventListener("abort", aborted, { once: true })
    this.timers.push({ atMs: this.ms + Math.max(0, ms), order: this.order++, wake: resolve })
    this.schedule()
    return promise
  }

  private schedule(): void {
    if (this.isScheduled || this.timers.length === 0) return
    this.isScheduled = true
    setImmediate(() => {
      this.isScheduled = false
      this.timers.sort((a, b) => a.atMs - b.atMs || a.order - b.order)
      const next = this.timers.shift()
      if (next === undefined) return
      this.ms = Math.max(this.ms, next.atMs)
      next.wake()
      this.schedule()
    })
  }
}
