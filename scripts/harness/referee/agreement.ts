/** Whether varve's checkers and the referees say the same of a history. */

export interface Place {
  readonly kind: string
  readonly partition: string
}

export interface Judgement {
  /** Each once; not complete where `isCut`. */
  readonly places: ReadonlyArray<Place>
  readonly isCut: boolean
  /** Questions that were given up for time. */
  readonly unknown: number
}

/** What is one fault seen from several sides: a checker may name it by any of them. */
const families: ReadonlyArray<readonly [family: string, kinds: ReadonlyArray<string>]> = [
  [
    "log",
    [
      "inconsistent-offsets",
      "wrong-ack-offset",
      "realtime-order",
      "early-high-watermark",
      "stale-offsets",
      "replica-divergence",
      "diverged-committed",
      "spurious-out-of-range",
      "nonmonotonic-send",
      "int-nonmonotonic-send",
      "sequence-lost",
      "torn-batch",
      "offset-hole",
      "lost-write",
      "read-then-lost",
      "wrong-offset-for-time",
      "above-high-watermark",
      "high-watermark-regress",
      "log-start-regress",
      "remove-lost",
      "epoch-order",
      "wrong-epoch-end",
    ],
  ],
  ["copies", ["duplicate", "fenced-append"]],
  ["values", ["unwritten-value", "aborted-read", "read-before-write"]],
  ["polls", ["poll-skip", "int-poll-skip", "nonmonotonic-poll", "int-nonmonotonic-poll"]],
  [
    "commits",
    ["stale-commit", "phantom-commit", "uncommitted-offset", "aborted-commit", "lost-commits"],
  ],
  ["metadata", ["metadata-regress", "epoch-regress", "resurrected-topic", "two-leaders"]],
  ["owners", ["two-owners", "owners-overlap", "fenced-commit", "generation-regress"]],
  ["skipped", ["skipped-record"]],
]

export const familyOf = (kind: string): string =>
  families.find(([, kinds]) => kinds.includes(kind))?.[0] ?? kind

export interface Agreement {
  readonly agrees: boolean
  readonly text: string
}

/**
 * They agree when both find nothing or both find something. How closely: the same kinds in the same
 * partitions, the same families, or some of them.
 */
export function compared(
  varve: Judgement,
  python: Judgement | undefined,
  porcupine: Judgement | undefined,
): Agreement {
  const isInvalid = varve.places.length > 0
  if (porcupine !== undefined && porcupine.places.length > 0 && !isInvalid) {
    return { agrees: false, text: "DISAGREE: only Porcupine finds something" }
  }
  if (python === undefined) return { agrees: true, text: "same verdict" }
  if (python.places.length > 0 !== isInvalid) {
    return {
      agrees: false,
      text: `DISAGREE: only ${isInvalid ? "varve" : "Python"} finds something`,
    }
  }
  if (!isInvalid) return { agrees: true, text: "both valid" }
  return { agrees: true, text: closeness(varve, python) }
}

function closeness(one: Judgement, other: Judgement): string {
  const both = !one.isCut && !other.isCut
  const kinds = (judgement: Judgement) => judgement.places.map(({ kind }) => kind)
  const same = (name: (place: Place) => string) =>
    isSame(one.places.map(name), other.places.map(name))
  if (both && same(({ kind, partition }) => `${kind} ${partition}`)) return "same kinds and places"
  if (both && same(({ kind, partition }) => `${familyOf(kind)} ${partition}`))
    return "same families and places"
  if (isSame(kinds(one), kinds(other))) return "same kinds"
  if (isSame(kinds(one).map(familyOf), kinds(other).map(familyOf))) return "same families"
  const missed = new Set(kinds(one)).difference(new Set(kinds(other)))
  return missed.size === 0 ? "same kinds, Python more" : "both invalid"
}

const isSame = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): boolean =>
  new Set(a).symmetricDifference(new Set(b)).size === 0
