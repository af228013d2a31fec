/** Milliseconds since a run began, monotonic; the one time of histories, faults and reports. */
export interface RunClock {
  nowMs(): number
  /** Rejects with the signal's reason when it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** Begins at 0. */
export function startRunClock(): RunClock {
  const beganMs = performance.now()
  return { nowMs: () => performance.now() - beganMs, sleep }
}

/** Whether it was done in time. Nothing waits for the clock any more once it is. */
export async function endsWithin(
  clock: RunClock,
  ms: number,
  work: Promise<unknown>,
): Promise<boolean> {
  const done = new AbortController()
  const late = clock.sleep(ms, done.signal).then(
    () => false,
    () => true,
  )
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    done.abort()
  }
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    if (signal?.aborted === true) return reject(signal.reason)
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort)
      resolve()
    }, ms)
    signal?.addEventListener("abort", onAbort, { once: true })
  })
}
