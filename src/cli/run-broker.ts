/**
 * Runs a broker as this process's whole purpose: signals, exit codes, and the supervisor that may
 * go away.
 */
import { Cause, Effect, Exit, Fiber } from "effect"
import type { BrokerError } from "../broker/errors.ts"
import { BrokerFailed } from "../broker/errors.ts"
import { ConfigRefused } from "../broker/config.ts"

/** npm and the terminal may both send the same Ctrl-C. */
const sameSignalMs = 2000
/**
 * Stopping takes at most so long; then the process goes anyway: what is acknowledged is on disk.
 */
const stopMs = 6000

/**
 * 0 after a signal and a clean stop; 1 when the broker could not start or failed; 2 for a wrong
 * setting; 124 when stopping took too long; 137 at a second signal.
 */
export function runBroker(
  broker: Effect.Effect<never, BrokerError | ConfigRefused>,
  supervised: boolean,
): void {
  const fiber = Effect.runFork(broker)
  let stoppingSinceMs: number | undefined
  const stop = (): void => {
    const nowMs = performance.now()
    if (stoppingSinceMs !== undefined) {
      if (nowMs - stoppingSinceMs > sameSignalMs) process.exit(137)
      return
    }
    stoppingSinceMs = nowMs
    setTimeout(() => process.exit(124), stopMs).unref()
    Effect.runFork(Fiber.interrupt(fiber))
  }
  process.on("SIGINT", stop)
  process.on("SIGTERM", stop)
  process.on("SIGHUP", stop)
  if (supervised) stopWhenInputEnds(stop)
  fiber.addObserver((exit) => process.exit(exitCode(exit)))
}

/** The other end of standard input is the supervisor's: its end is the supervisor's end. */
function stopWhenInputEnds(stop: () => void): void {
  const orphaned = (): void => {
    process.stderr.write("varve: the supervisor is gone; stopping\n")
    stop()
  }
  process.stdin.once("end", orphaned)
  process.stdin.once("error", orphaned)
  process.stdin.resume()
}

function exitCode(exit: Exit.Exit<never, BrokerError | ConfigRefused>): number {
  if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) return 0
  const error = Cause.squash(exit.cause)
  // A failed broker has said why in its log already.
  if (!(error instanceof BrokerFailed)) {
    process.stderr.write(`varve: ${error instanceof Error ? error.message : String(error)}\n`)
  }
  return error instanceof ConfigRefused ? 2 : 1
}
