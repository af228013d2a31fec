/** A request that cannot be done: Kafka's error code and, where Kafka gives one, its words. */
import type { ErrorCode } from "../../protocol/error-codes.ts"

export interface Refused {
  readonly _tag: "Refused"
  readonly errorCode: ErrorCode
  readonly message: string | null
}

export const refused = (errorCode: ErrorCode, message: string | null = null): Refused => ({
  _tag: "Refused",
  errorCode,
  message,
})

export const isRefused = (result: object): result is Refused =>
  "_tag" in result && result._tag === "Refused"
