/**
 * What consumers have done with the records: the part of a test's promises that no log can keep for
 * them. Pure, in O(n log n).
 */
import type { Anomaly } from "../chaos/checkers/index.ts"
import type { Operation } from "../chaos/history/history.ts"
import { expectedRecords, nameOf, Senders, topicOf } from "./expected.ts"
import type { Effect, ExpectedRecord, Reader } from "./expected.ts"

export const effectAnomalyKinds = [
  /** In the log, and a reader has done nothing with it. */
  "never-processed",
  /** A reader has done it more than once. */
  "processed-twice",
  /** A reader did a later record of the partition, or of the key, first. */
  "processed-out-of-order",
  /** Nobody had sent it, or it lies elsewhere in the log. */
  "processed-unwritten",
  /** Its write had been refused for certain. */
  "processed-aborted",
  /** An offset was committed before all that lies below it had been processed. */
  "committed-before-processed",
] as const

export type EffectAnomalyKind = (typeof effectAnomalyKinds)[number]

export interface EffectPromises {
  readonly atLeastOnce?: boolean
  readonly exactlyOnceEffect?: boolean
  readonly orderByPartition?: boolean
  readonly orderByKey?: boolean
  readonly commitAfterProcessing?: boolean
}

export interface EffectAnomaly extends Omit<Anomaly, "kind"> {
  readonly kind: EffectAnomalyKind
}

/** Of one reader. `topics`: all that it is to read; undefined: all that there are. */
export class EffectChecks {
  readonly #senders: Senders
  readonly #expected: ReadonlyArray<ExpectedRecord>
  readonly #found: Array<EffectAnomaly> = []

  constructor(operations: ReadonlyArray<Operation>) {
    this.#senders = new Senders(operations)
    this.#expected = expectedRecords(operations, this.#senders)
  }

  get found(): ReadonlyArray<EffectAnomaly> {
    return this.#found
  }

  check(reader: Reader, promises: EffectPromises, topics?: ReadonlyArray<string>): void {
    const expected = this.#expected.filter(
      ({ partition }) => topics === undefined || topics.includes(topicOf(partition)),
    )
    this.#checkWritten(reader)
    if (promises.atLeastOnce === true) this.#checkDone(reader, expected)
    if (promises.exactlyOnceEffect === true) this.#checkOnce(reader)
    if (promises.orderByPartition === true) this.#checkOrder(reader, "partition")
    if (promises.orderByKey === true) this.#checkOrder(reader, "key")
    if (promises.commitAfterProcessing === true) this.#checkCommits(reader, expected)
  }

  #add(
    kind: EffectAnomalyKind,
    partition: string,
    detail: string,
    operations: ReadonlyArray<Operation | undefined>,
  ): void {
    const ids = operations.flatMap((operation) => operation?.id ?? [])
    this.#found.push({ kind, partition, detail, operations: ids })
  }

  #checkDone({ name, effects, commits }: Reader, expected: ReadonlyArray<ExpectedRecord>): void {
    const done = new Set(effects.map((one) => nameOf(one.partition, one.value)))
    for (const { partition, offset, value, append } of expected) {
      if (done.has(nameOf(partition, value))) continue
      const past = commits.find((one) => one.partition === partition && one.offset > offset)
      const committed = past === undefined ? "" : `, which has committed ${past.offset}`
      const where = offset < 0 ? "" : ` at ${offset}`
      const detail = `${value}${where} was never processed by ${name}${committed}`
      this.#add("never-processed", partition, detail, [append, past])
    }
  }

  #checkOnce({ name, effects }: Reader): void {
    const byName = Map.groupBy(effects, (one) => nameOf(one.partition, one.value))
    for (const same of byName.values()) {
      const [first] = same
      if (first === undefined || same.length === 1) continue
      const places = [...new Set(same.map(({ offset }) => offset))]
      const detail = `${first.value} at ${places.join(", ")} was processed ${same.length} times by ${name}`
      this.#add("processed-twice", first.partition, detail, same)
    }
  }

  /** What is done again after a crash is no disorder; what was done late for the first time is. */
  #checkOrder({ name, effects }: Reader, by: "partition" | "key"): void {
    const latest = new Map<string, Effect>()
    const seen = new Set<string>()
    for (const effect of effects) {
      const { partition, offset, key, value } = effect
      if (by === "key" && key === "") continue
      const place = `${partition} ${offset}`
      if (seen.has(place)) continue
      seen.add(place)
      const lane = by === "key" ? `${partition} ${key}` : partition
      const before = latest.get(lane)
      if (before === undefined || before.offset < offset) latest.set(lane, effect)
      else {
        const of = by === "key" ? ` of key ${key}` : ""
        const detail = `${name} did ${before.value} at ${before.offset} before ${value} at ${offset}${of}`
        this.#add("processed-out-of-order", partition, detail, [before, effect])
      }
    }
  }

  #checkWritten({ name, effects }: Reader): void {
    const held = new Map(
      this.#expected.map(({ partition, offset, value }) => [`${partition} ${offset}`, value]),
    )
    for (const effect of effects) {
      const { partition, offset, value } = effect
      const senders = this.#senders.of(partition, value)
      const there = held.get(`${partition} ${offset}`)
      if (!senders.some(({ invoked }) => invoked < effect.returned)) {
        const detail = `${name} processed ${value} at ${offset}, which nobody had sent`
        this.#add("processed-unwritten", partition, detail, [effect])
      } else if (senders.every(({ outcome }) => outcome === "fail")) {
        const detail = `${name} processed ${value} at ${offset}, whose write had been refused`
        this.#add("processed-aborted", partition, detail, [...senders, effect])
      } else if (there !== undefined && there !== value) {
        const detail = `${name} processed ${value} at ${offset}, where ${there} lies`
        this.#add("processed-unwritten", partition, detail, [effect])
      }
    }
  }

  #checkCommits({ name, effects, commits }: Reader, expected: ReadonlyArray<ExpectedRecord>): void {
    const doneAt = new Map<string, number>()
    for (const { partition, value, returned } of effects) {
      const known = nameOf(partition, value)
      doneAt.set(known, Math.min(doneAt.get(known) ?? Infinity, returned))
    }
    const records = Map.groupBy(expected, ({ partition }) => partition)
    for (const [partition, own] of Map.groupBy(commits, (one) => one.partition)) {
      // In the order of invocation, so that a record is looked at once: by the first commit past
      // it.
      let next = 0
      const lane = records.get(partition) ?? []
      for (const commit of own.toSorted((a, b) => a.invoked - b.invoked)) {
        const early: Array<ExpectedRecord> = []
        for (let one = lane[next]; one !== undefined && one.offset < commit.offset;) {
          if ((doneAt.get(nameOf(partition, one.value)) ?? Infinity) > commit.invoked) {
            early.push(one)
          }
          one = lane[++next]
        }
        const [first] = early
        if (first === undefined) continue
        const more = early.length > 1 ? ` and ${early.length - 1} more` : ""
        const detail = `${name} committed ${commit.offset} before it had processed ${first.value} at ${first.offset}${more}`
        this.#add("committed-before-processed", partition, detail, [first.append, commit])
      }
    }
  }
}
