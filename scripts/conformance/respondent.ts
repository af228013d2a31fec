import type { Api } from "../../src/protocol/index.ts"
import type { Plain } from "./values.ts"

/**
 * A decoded answer, or a word. `closed`: the broker closed the connection. `none`: no answer was awaited (acks=0). `silent`: it
 * was, and none came in time.
 */
export type Answer = Plain

/** A cluster that can be asked: real processes over TCP, or a simulated one. Brokers 0, 1, 2, … */
export interface Respondent {
  readonly brokers: number
  ask(
    broker: number,
    api: Api,
    version: number,
    body: object,
    options?: { readonly unanswered?: boolean },
  ): Promise<Answer>
  /** Lets the cluster's time pass. */
  rest(ms: number): Promise<void>
}
