/** The run's clock: `performance.now()` from the moment it was made. */
import type { RunClock } from "./clock.ts"

export function monotonicClock(): RunClock {
  const beganMs = performance.now()
  return {
    nowMs: () => performance.now() - beganMs,
    sleep: (ms, signal) => sleep(ms, signal),
  }
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(reasonOf(signal))
    const onAbort = () => {
      clearTimeout(timer)
      if (signal !== undefined) reject(reasonOf(signal))
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort)
      resolve()
    }, ms)
    signal?.addEventListener("abort", onAbort, { once: true })
  })
}

const reasonOf = (signal: AbortSignal): Error =>
  signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason))
