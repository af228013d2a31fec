/** Why a broker did not start, or stopped by itself; `message` is one plain line for the user. */
import { Data } from "effect"

/**
 * Another process has the folder, the address is taken, or what is on disk is not this broker's.
 */
export class StartFailed extends Data.TaggedError("StartFailed")<{ readonly problem: string }> {
  override get message() {
    return this.problem
  }
}

/** The disk failed or an invariant broke: nothing may leave this process any more (fail-stop). */
export class BrokerFailed extends Data.TaggedError("BrokerFailed")<{
  readonly problem: string
  readonly cause: unknown
}> {
  override get message() {
    return this.problem
  }
}

export type BrokerError = StartFailed | BrokerFailed

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
