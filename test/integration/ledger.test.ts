import { describe, expect, test } from "bun:test"
import { audit, type Found } from "../../scripts/harness/ledger.ts"

const options = { isIdempotent: (producer: string) => producer.startsWith("idempotent") }

const record = (producer: string, seq: number, partition: number, offset: number): Found => ({
  producer,
  seq,
  partition,
  offset,
})

const good = [
  record("idempotent", 0, 0, 0),
  record("plain", 0, 0, 1),
  record("idempotent", 1, 1, 0),
  record("idempotent", 2, 0, 2),
  record("plain", 1, 0, 3),
]

const tags = (acks: ReadonlyArray<Found>, found: ReadonlyArray<Found>) =>
  audit(acks, found, options).map((problem) => problem._tag)

describe("the audit that the fault tests trust", () => {
  test("finds nothing wrong in a good log", () => {
    expect(audit(good, good, options)).toEqual([])
  })

  test("lets records be there that were never acknowledged", () => {
    expect(audit(good.slice(0, 2), good, options)).toEqual([])
  })

  test("names a lost record", () => {
    expect(audit(good, good.slice(0, 4), options)).toEqual([
      { _tag: "lost", detail: "plain #1 in partition 0", ack: record("plain", 1, 0, 3) },
    ])
  })

  test("takes a record in another partition for lost", () => {
    expect(tags([record("plain", 9, 2, 0)], [record("plain", 9, 1, 0)])).toEqual(["lost"])
  })

  test("names a doubled record of an idempotent producer, and lets a plain one double", () => {
    expect(tags(good, [...good, record("idempotent", 1, 1, 1)])).toEqual(["doubled"])
    expect(tags(good, [...good, record("plain", 0, 0, 4)])).toEqual([])
  })

  test("names a record at another offset than it was acknowledged at", () => {
    expect(tags([record("idempotent", 0, 0, 7)], [record("idempotent", 0, 0, 0)])).toEqual([
      "wrong-offset",
    ])
  })

  test("accepts any offset where the client was told none", () => {
    expect(tags([record("idempotent", 0, 0, -1)], [record("idempotent", 0, 0, 0)])).toEqual([])
  })

  test("names records of one producer that changed places", () => {
    const swapped = [record("plain", 2, 0, 0), record("plain", 1, 0, 1)]
    expect(tags([], swapped)).toEqual(["reordered"])
  })

  test("does not take a late second copy for disorder", () => {
    const retried = [record("plain", 1, 0, 0), record("plain", 2, 0, 1), record("plain", 1, 0, 2)]
    expect(tags([], retried)).toEqual([])
  })

  test("names an offset that two records claim", () => {
    expect(tags([], [record("plain", 1, 0, 5), record("plain", 2, 0, 5)])).toEqual([
      "offset-taken-twice",
    ])
  })
})
