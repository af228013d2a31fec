/** What goes on while a fault lasts: a crash loop, a link that flaps. */
import type { FaultContext } from "../fault.ts"

export interface Beside {
  /** Ends it and waits for its end; rejects with what it failed of. */
  stop(): Promise<void>
  /** Waits for its own end, at most that long. */
  ended(timeoutMs: number): Promise<void>
}

/** `signal` aborts when the fault is to be taken back, or the run ends. */
export function beside(
  context: FaultContext,
  work: (signal: AbortSignal) => Promise<void>,
): Beside {
  const stopping = new AbortController()
  const signal = AbortSignal.any([stopping.signal, context.signal])
  let failure: { readonly error: unknown } | undefined
  const done = work(signal).catch((error: unknown) => {
    if (!signal.aborted) failure = { error }
  })
  return {
    async stop() {
      stopping.abort(new Error("the fault is over"))
      await done
      if (failure !== undefined) throw failure.error
    },
    async ended(timeoutMs) {
      const waiting = new AbortController()
      const late = context.clock.sleep(timeoutMs, AbortSignal.any([signal, waiting.signal]))
      await Promise.race([done, late.catch(() => undefined)])
      waiting.abort(new Error("it ended"))
    },
  }
}
