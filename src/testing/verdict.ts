/** What a check says, to tests and to people. */
import { explainAnomaly } from "../chaos/checkers/index.ts"
import type { Anomaly, AnomalyKind, Explanation } from "../chaos/checkers/index.ts"
import type { Operation } from "../chaos/history/history.ts"
import { answerText, askedText } from "../chaos/report/words/calls.ts"
import type { Verdict } from "../chaos/result.ts"
import type { EffectAnomaly, EffectAnomalyKind } from "./effects.ts"

export type TestAnomaly = Anomaly | EffectAnomaly
export type TestAnomalyKind = AnomalyKind | EffectAnomalyKind

export interface VerdictParts {
  readonly operations: ReadonlyArray<Operation>
  readonly anomalies: ReadonlyArray<TestAnomaly>
  readonly gaps: ReadonlyArray<string>
  readonly acknowledged: number
  readonly received: number
  readonly processed: number
  readonly drained: number
}

const detailsMax = 3
const operationsMax = 4

export class TestVerdict {
  /** "INCONCLUSIVE" is never green: the history could not have shown what was to be seen. */
  readonly verdict: Verdict
  readonly anomalies: ReadonlyArray<TestAnomaly>
  /** Why it is inconclusive. */
  readonly gaps: ReadonlyArray<string>
  /** Records acknowledged by all replicas, received, processed; partitions read back. */
  readonly acknowledged: number
  readonly received: number
  readonly processed: number
  readonly drained: number
  readonly #operations: ReadonlyArray<Operation>

  constructor(parts: VerdictParts) {
    this.anomalies = parts.anomalies
    this.gaps = parts.gaps
    this.acknowledged = parts.acknowledged
    this.received = parts.received
    this.processed = parts.processed
    this.drained = parts.drained
    this.#operations = parts.operations
    const isClean = parts.anomalies.length === 0
    this.verdict = !isClean ? "INVALID" : parts.gaps.length > 0 ? "INCONCLUSIVE" : "VALID"
  }

  /** Each kind once, in the order found. */
  get kinds(): ReadonlyArray<TestAnomalyKind> {
    return [...new Set(this.anomalies.map(({ kind }) => kind))]
  }

  /** Several lines: what was found, why that matters, and the operations that show it. */
  toString(): string {
    const { acknowledged, processed, drained } = this
    const basis = `${acknowledged} records acknowledged, ${processed} processed, ${drained} partitions read back`
    const byKind = Map.groupBy(this.anomalies, ({ kind }) => kind)
    const found = [...byKind].flatMap(([kind, all]) => this.#explain(kind, all))
    const gaps = this.gaps.map((gap) => `  ${gap}`)
    return [`${this.verdict}: ${basis}`, ...found, ...gaps].join("\n")
  }

  #explain(kind: TestAnomalyKind, all: ReadonlyArray<TestAnomaly>): ReadonlyArray<string> {
    const { what, whyItMatters } = isOfEffects(kind) ? explanations[kind] : explainAnomaly(kind)
    const shown = all.slice(0, detailsMax)
    const more = all.length > detailsMax ? [`    and ${all.length - detailsMax} more`] : []
    return [
      "",
      `  ${kind} (${all.length}): ${what}`,
      `  ${whyItMatters}`,
      ...shown.flatMap((anomaly) => [
        `    ${anomaly.partition}: ${anomaly.detail}`,
        ...this.#show(anomaly),
      ]),
      ...more,
    ]
  }

  #show({ operations: ids }: TestAnomaly): ReadonlyArray<string> {
    const wanted = new Set(ids)
    return this.#operations
      .filter(({ id }) => wanted.has(id))
      .slice(0, operationsMax)
      .map((operation) => {
        const at = `${operation.invokedMs.toFixed(1)} ms`.padStart(12)
        return `    ${at}  ${operation.process}: ${askedText(operation)} → ${answerText(operation)}`
      })
  }
}

/** Throws, with all that the verdict says, unless it is VALID. */
export function expectValid(verdict: TestVerdict): void {
  if (verdict.verdict !== "VALID") throw new HistoryNotValid(verdict)
}

export class HistoryNotValid extends Error {
  override readonly name = "HistoryNotValid"
  readonly #verdict: TestVerdict

  constructor(verdict: TestVerdict) {
    super(String(verdict))
    this.#verdict = verdict
  }

  /** Not a field: a runner would print all of it behind the message, which says it already. */
  get verdict(): TestVerdict {
    return this.#verdict
  }
}

const explanations: Readonly<Record<EffectAnomalyKind, Explanation>> = {
  "never-processed": {
    what: "A record lies in the log, and a reader has never done what was to be done with it.",
    whyItMatters: "For whoever waits for its effect it is lost, although the log holds it.",
  },
  "processed-twice": {
    what: "A reader has done the same thing more than once.",
    whyItMatters: "Unless the effect is such that once more changes nothing, it counts twice.",
  },
  "processed-out-of-order": {
    what: "A reader did a later record of the same partition or key first.",
    whyItMatters: "Updates overtake each other: an old value may replace a newer one.",
  },
  "processed-unwritten": {
    what: "A reader did something that nobody had sent by then.",
    whyItMatters: "Records were mixed up, made up, or decoded as what they are not.",
  },
  "processed-aborted": {
    what: "A reader did something whose write had been refused for certain.",
    whyItMatters: "The producer was told that it did not happen and may have done it elsewhere.",
  },
  "committed-before-processed": {
    what: "A reader committed an offset before it had done all that lies below it.",
    whyItMatters: "If it crashes in between, nobody ever does the rest.",
  },
}

const isOfEffects = (kind: TestAnomalyKind): kind is EffectAnomalyKind =>
  Object.hasOwn(explanations, kind)
