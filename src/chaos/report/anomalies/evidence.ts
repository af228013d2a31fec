/**
 * What is shown of an anomaly: the operations that its checker names, and a few more without which
 * they say little: who wrote the values concerned, and the log at the end.
 */
import type { Anomaly } from "../../checkers/index.ts"
import type { FaultRecord } from "../../fault.ts"
import type { Drain, Operation } from "../../history/history.ts"
import type { LogLine, RunResult } from "../../result.ts"

export interface Evidence {
  readonly anomaly: Anomaly
  /** Named by the checker, in the order of their invocation. */
  readonly operations: ReadonlyArray<Operation>
  readonly context: ReadonlyArray<Operation>
  /** That lasted while the operations did, the drain apart. */
  readonly active: ReadonlyArray<FaultRecord>
  /** The next that struck after them; where something vanished, one of these may have done it. */
  readonly next: ReadonlyArray<FaultRecord>
  readonly logLines: ReadonlyArray<LogLine>
  readonly logLinesLeftOut: number
}

const drawnPerKindMax = 3
const drawnMax = 40
const operationsMax = 10
const writersMax = 3
const faultsMax = 6
const nextFaultsMax = 2
const logLinesMax = 80
export const logWindowMs = 2000

/** The anomalies that are drawn: the first few of each kind. */
export function chosenAnomalies(anomalies: ReadonlyArray<Anomaly>): ReadonlyArray<Anomaly> {
  const perKind = new Map<string, number>()
  return anomalies
    .filter(({ kind }) => {
      const before = perKind.get(kind) ?? 0
      perKind.set(kind, before + 1)
      return before < drawnPerKindMax
    })
    .slice(0, drawnMax)
}

export function gatherEvidence(
  chosen: ReadonlyArray<Anomaly>,
  operations: ReadonlyArray<Operation>,
  result: RunResult,
): ReadonlyArray<Evidence> {
  const wanted = new Set(chosen.flatMap((anomaly) => anomaly.operations.slice(0, operationsMax)))
  const found = new Map<number, Operation>()
  for (const operation of operations)
    if (wanted.has(operation.id)) found.set(operation.id, operation)
  const named = chosen.map((anomaly) => namedBy(anomaly, found))
  const index = new ContextIndex(chosen, operations)
  return chosen.map((anomaly, i) => {
    const own = named[i] ?? []
    return { anomaly, operations: own, context: index.of(anomaly, own), ...around(own, result) }
  })
}

const namedBy = (anomaly: Anomaly, found: ReadonlyMap<number, Operation>) =>
  [...new Set(anomaly.operations.slice(0, operationsMax))]
    .flatMap((id) => found.get(id) ?? [])
    .toSorted((a, b) => a.invoked - b.invoked)

/** Words of a checker's sentence, without what punctuation hangs on to them. */
export const wordsOf = (detail: string): ReadonlyArray<string> =>
  detail.split(/\s+/).map((word) => word.replace(/^[("'[]+|[,;:)"'\].]+$/g, ""))

/** One pass over the whole history for all anomalies together. */
class ContextIndex {
  readonly #writers = new Map<string, Array<Operation>>()
  readonly #drains = new Map<string, Operation<Drain>>()

  constructor(chosen: ReadonlyArray<Anomaly>, operations: ReadonlyArray<Operation>) {
    const words = new Set(chosen.flatMap(({ detail }) => wordsOf(detail)))
    const partitions = new Set(chosen.map(({ partition }) => partition))
    for (const operation of operations) {
      if (!("partition" in operation) || !partitions.has(operation.partition)) continue
      if (operation.f === "append") {
        for (const value of operation.values) if (words.has(value)) this.#write(value, operation)
      } else if (operation.f === "drain" && operation.outcome === "ok") {
        const known = this.#drains.get(operation.partition)
        if (known === undefined || known.highWatermark < operation.highWatermark)
          this.#drains.set(operation.partition, operation)
      }
    }
  }

  #write(value: string, operation: Operation): void {
    const known = this.#writers.get(value)
    if (known === undefined) this.#writers.set(value, [operation])
    else known.push(operation)
  }

  of(anomaly: Anomaly, own: ReadonlyArray<Operation>): ReadonlyArray<Operation> {
    const writers = wordsOf(anomaly.detail)
      .flatMap((word) => this.#writers.get(word) ?? [])
      .filter((one) => "partition" in one && one.partition === anomaly.partition)
    const drain = own.some(({ f }) => f === "drain")
      ? undefined
      : this.#drains.get(anomaly.partition)
    const all = [...writers.slice(0, writersMax), ...(drain === undefined ? [] : [drain])]
    return [...new Set(all)]
      .filter((one) => !own.includes(one))
      .toSorted((a, b) => a.invoked - b.invoked)
  }
}

type Around = Pick<Evidence, "active" | "next" | "logLines" | "logLinesLeftOut">

function around(own: ReadonlyArray<Operation>, { faults, logLines, phases }: RunResult): Around {
  const live = own.filter(({ f }) => f !== "drain")
  const times = live.flatMap((one) => [one.invokedMs, returnedMsOf(one, phases.drainMs)])
  if (times.length === 0) return { active: [], next: [], logLines: [], logLinesLeftOut: 0 }
  const fromMs = Math.min(...times)
  const toMs = Math.max(...times)
  const next = faults
    .filter(({ injectedMs }) => injectedMs > toMs)
    .toSorted((a, b) => a.injectedMs - b.injectedMs)
  const near = logLines.filter(({ atMs }) => times.some((ms) => Math.abs(ms - atMs) <= logWindowMs))
  return {
    active: faults
      .filter(({ injectedMs, healedMs }) => injectedMs <= toMs && healedMs >= fromMs)
      .slice(0, faultsMax),
    next: next.slice(0, nextFaultsMax),
    logLines: near.toSorted((a, b) => a.atMs - b.atMs).slice(0, logLinesMax),
    logLinesLeftOut: Math.max(0, near.length - logLinesMax),
  }
}

/** What never returned is taken to have ended with the run. */
export const returnedMsOf = (operation: Operation, endMs: number): number =>
  operation.outcome === "pending" ? Math.max(endMs, operation.invokedMs) : operation.returnedMs
