/** Trying again what the protocol says may be tried again. */
import { isRetriable } from "../protocol/error-codes.ts"
import { ConnectionLost, KafkaError } from "./client-error.ts"

export interface RetryOptions {
  /** On the monotonic clock (`performance.now`): nothing is tried again after it. */
  readonly deadlineMs: number
  /** Called before each further try, to forget what has proved wrong. */
  readonly onRetry?: (error: ConnectionLost | KafkaError) => void
  /** Error codes that are final here though clients may try them again elsewhere. */
  readonly final?: ReadonlyArray<number>
}

const backOffFirstMs = 20
const backOffMaxMs = 500

/** Only for what may be done twice. Rejects with the last failure. */
export async function retrying<A>(options: RetryOptions, action: () => Promise<A>): Promise<A> {
  for (let backOffMs = backOffFirstMs; ; backOffMs = Math.min(2 * backOffMs, backOffMaxMs)) {
    try {
      return await action()
    } catch (error) {
      const passing =
        error instanceof ConnectionLost ||
        (error instanceof KafkaError &&
          isRetriable(error.code) &&
          options.final?.includes(error.code) !== true)
      if (!passing || performance.now() + backOffMs >= options.deadlineMs) throw error
      options.onRetry?.(error)
      await Bun.sleep(backOffMs)
    }
  }
}
