/** What a replay says about each API and version. */
import { knownDifferences, reasonsFor, type KnownDifference } from "./known-differences.ts"
import type { Replayed } from "./replay.ts"

export type Verdict =
  | { readonly _tag: "same" }
  | { readonly _tag: "differs"; readonly because: ReadonlyArray<KnownDifference> }
  | { readonly _tag: "unexplained" }
  /** And the connection closed, as Kafka closes it for what it does not offer. */
  | { readonly _tag: "notOffered" }

export function verdictOn(replayed: Replayed): Verdict {
  const { offered, differences } = replayed
  if (differences.length === 0) return { _tag: offered ? "same" : "notOffered" }
  const because = reasonsFor(replayed)
  return because === undefined ? { _tag: "unexplained" } : { _tag: "differs", because }
}

export interface Share {
  /** Questions of APIs and versions that are offered. */
  readonly asked: number
  readonly same: number
  /** Of those asked: build on answers of an API that is not offered. */
  readonly unasked: number
}

export function shareOf(all: ReadonlyArray<Replayed>): Share {
  const verdicts = all.map(verdictOn)
  const count = (is: (verdict: Verdict) => boolean) => verdicts.filter(is).length
  return {
    asked: all.filter(({ offered }) => offered).length,
    same: count(({ _tag }) => _tag === "same"),
    unasked: count((one) => one._tag === "differs" && one.because.some(({ unasked }) => unasked)),
  }
}

/** Of what could be asked at all. */
export const sameOf = ({ asked, same, unasked }: Share): number => same / (asked - unasked)

/** Entries of the table that no difference needs. */
export function needlessReasons(all: ReadonlyArray<Replayed>): ReadonlyArray<KnownDifference> {
  const needed = new Set(
    all.flatMap((one) => {
      const verdict = verdictOn(one)
      return verdict._tag === "differs" ? verdict.because : []
    }),
  )
  return knownDifferences.filter((one) => !needed.has(one))
}

const shown = (value: unknown): string => (JSON.stringify(value) ?? "undefined").slice(0, 300)

/** For people: the question, then each field with both answers. */
export function linesOf({ exchange, api, differences }: Replayed): ReadonlyArray<string> {
  const { seq, version, note } = exchange
  return [
    `${seq} ${api.name} v${version} (${note})`,
    ...differences.map(
      ({ path, kafka, varve }) => `  ${path}: kafka ${shown(kafka)}, varve ${shown(varve)}`,
    ),
  ]
}
