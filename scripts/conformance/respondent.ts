import type { Api } from "../../src/protocol/index.ts"
import { apiVersions } from "../../src/protocol/messages/api-versions.ts"
import { fieldOf, objectsIn, type Plain } from "./values.ts"

/**
 * A decoded answer, or a word. `closed`: the broker closed the connection. `none`: no answer was
 * awaited (acks=0). `silent`: it was, and none came in time.
 */
export type Answer = Plain

export interface AskOptions {
  /** No answer is due: the promise settles at once with `none`, or `closed`. */
  readonly unanswered?: boolean
  /** On a connection of its own; time passes by other questions and by `rest`. */
  readonly apart?: boolean
}

/** A cluster that can be asked: real processes over TCP, or a simulated one. Brokers 0, 1, 2, … */
export interface Respondent {
  readonly brokers: number
  ask(
    broker: number,
    api: Api,
    version: number,
    body: object,
    options?: AskOptions,
  ): Promise<Answer>
  /** Lets the cluster's time pass. */
  rest(ms: number): Promise<void>
}

/** What a question put apart has before the next one. */
export const headStartMs = 50

/** The answer to a question that was put apart. */
export async function awaited(asked: Promise<Answer>, respondent: Respondent): Promise<Answer> {
  const settled = asked.then((answer) => ({ answer }))
  for (;;) {
    const first = await Promise.race([settled, respondent.rest(20)])
    if (first !== undefined) return first.answer
  }
}

/** API key → the versions that a cluster offers. */
export type Ranges = ReadonlyMap<number, readonly [min: number, max: number]>

export async function offeredBy(respondent: Respondent): Promise<Ranges> {
  const answer = await respondent.ask(0, apiVersions, 0, {})
  return new Map(
    objectsIn(fieldOf(answer, "apiKeys")).map(({ apiKey, minVersion, maxVersion }) => [
      Number(apiKey),
      [Number(minVersion), Number(maxVersion)],
    ]),
  )
}
