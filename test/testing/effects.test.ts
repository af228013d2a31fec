import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { TestHistory } from "../../src/testing/index.ts"
import type { TestAnomalyKind } from "../../src/testing/index.ts"

/** Any history in which readers do all that is right is; one deed more or less, and it is not. */

const topic = "t"
const all = {
  atLeastOnce: true,
  exactlyOnceEffect: true,
  orderByPartition: true,
  orderByKey: true,
  commitAfterProcessing: true,
}

type Deed =
  | { readonly _tag: "process" | "receive"; readonly offset: number }
  | { readonly _tag: "commit"; readonly offset: number }

/** Reads in batches: receives, processes, commits, one batch after the other. */
const deedsOf = (batches: ReadonlyArray<number>): Array<Deed> => {
  let next = 0
  return batches.flatMap((size): Array<Deed> => {
    const offsets = Array.from({ length: size }, (_, i) => next + i)
    next += size
    return [
      ...offsets.map((offset): Deed => ({ _tag: "receive", offset })),
      ...offsets.map((offset): Deed => ({ _tag: "process", offset })),
      { _tag: "commit", offset: next },
    ]
  })
}

/** Each partition has a reader of its own, all of one group. */
async function judge(
  partitions: ReadonlyArray<ReadonlyArray<Deed>>,
): Promise<ReadonlyArray<TestAnomalyKind>> {
  const history = new TestHistory()
  for (const [partition, deeds] of partitions.entries()) {
    const record = (offset: number) => ({
      topic,
      partition,
      offset,
      key: `${offset % 3}`,
      value: `${partition}-${offset}`,
    })
    const count = Math.max(...deeds.map(({ offset }) => offset))
    for (let offset = 0; offset < count; offset++) {
      const answer = Promise.resolve({ offset })
      await history.sent("p", record(offset), () => answer, { idempotent: true })
    }
    const process = `reader-${partition}`
    const group = "g"
    for (const { _tag, offset } of deeds) {
      if (_tag === "receive") history.received(process, record(offset), { group })
      else if (_tag === "process") history.processed(process, record(offset), { group })
      else {
        const done = Promise.resolve()
        await history.committed(process, { group, topic, partition, offset }, () => done)
      }
    }
  }
  return history.check(all).kinds
}

const batches = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 })
const runs = fc.array(batches.map(deedsOf), { minLength: 1, maxLength: 3 })
/** A run, and one place in it among those that there are. */
const struck = fc.tuple(runs, fc.nat(), fc.nat())

/** `change` alters the deeds of one partition, at one of its processed records. */
function property(
  change: (deeds: Array<Deed>, at: number) => void,
  expected: ReadonlyArray<TestAnomalyKind>,
) {
  return fc.asyncProperty(struck, async ([partitions, which, where]) => {
    const changed = partitions.map((deeds) => [...deeds])
    const deeds = changed[which % changed.length] ?? []
    const places = deeds.flatMap(({ _tag }, i) => (_tag === "process" ? [i] : []))
    change(deeds, places[where % places.length] ?? -1)
    expect([...(await judge(changed))].toSorted()).toEqual([...expected].toSorted())
  })
}

const few = { numRuns: 60 }

const nothing = (): void => undefined

/** As after a crash: from the last commit on. */
function again(deeds: Array<Deed>, at: number): void {
  const begin = deeds.slice(0, at).findLastIndex(({ _tag }) => _tag === "commit") + 1
  deeds.splice(at + 1, 0, ...deeds.slice(begin, at + 1))
}

const leaveOut = (deeds: Array<Deed>, at: number): void => void deeds.splice(at, 1)

function putLast(deeds: Array<Deed>, at: number): void {
  fc.pre(deeds.slice(at + 1).some(({ _tag }) => _tag === "process"))
  deeds.push(...deeds.splice(at, 1))
}

describe("readers", () => {
  test("who do all, once, in order and commit behind it, are right", async () => {
    await fc.assert(property(nothing, []), few)
  })

  test("who begin again from the last commit are right, but for doing things twice", async () => {
    await fc.assert(property(again, ["processed-twice"]), few)
  })

  test("who leave one out", async () => {
    const kinds: ReadonlyArray<TestAnomalyKind> = ["never-processed", "committed-before-processed"]
    await fc.assert(property(leaveOut, kinds), few)
  })

  test("who do one at the very end", async () => {
    const kinds: ReadonlyArray<TestAnomalyKind> = [
      "processed-out-of-order",
      "committed-before-processed",
    ]
    await fc.assert(property(putLast, kinds), few)
  })
})
