import { expect, test } from "bun:test"
import { decodeBatches, splitBatches } from "../../src/client/fetched-records.ts"
import { buildBatch } from "../../src/protocol/record.ts"

const place = { topic: "t", partition: 0 }

const data = (baseOffset: number, values: ReadonlyArray<string>, producerId = -1) =>
  buildBatch({
    baseOffset,
    producerId,
    producerEpoch: 0,
    transactional: producerId >= 0,
    records: values.map((value) => ({ value, timestamp: 5 })),
  })

/** The key of a control record: version 0, type 0 abort or 1 commit. */
const marker = (baseOffset: number, producerId: number, type: 0 | 1) =>
  buildBatch({
    baseOffset,
    producerId,
    producerEpoch: 0,
    transactional: true,
    control: true,
    records: [{ key: Uint8Array.of(0, 0, 0, type), value: new Uint8Array(6), timestamp: 5 }],
  })

const values = (
  batches: ReadonlyArray<Uint8Array>,
  offset = 0,
  aborted: Parameters<typeof decodeBatches>[3] = [],
) =>
  decodeBatches(batches, place, offset, aborted).map((one) =>
    Buffer.from(one.value ?? []).toString(),
  )

test("a batch that is cut off belongs to the next fetch", () => {
  const whole = Buffer.concat([data(0, ["a"]), data(1, ["b", "c"])])
  expect(values(splitBatches(whole))).toEqual(["a", "b", "c"])
  expect(values(splitBatches(whole.subarray(0, whole.length - 1)))).toEqual(["a"])
  expect(splitBatches(null)).toEqual([])
})

test("records before the offset that was asked for are left out", () => {
  expect(values([data(10, ["a", "b", "c"])], 11)).toEqual(["b", "c"])
})

test("markers are no records", () => {
  expect(values([data(0, ["a"], 7), marker(1, 7, 1), data(2, ["b"])])).toEqual(["a", "b"])
})

test("what an aborted transaction wrote is left out up to its marker, and no further", () => {
  const log = [
    data(0, ["kept"], 7),
    marker(1, 7, 1),
    data(2, ["gone"], 7),
    data(3, ["other"], 8),
    data(4, ["gone too"], 7),
    marker(5, 7, 0),
    data(6, ["kept again"], 7),
    marker(7, 7, 1),
  ]
  const aborted = [{ producerId: 7, firstOffset: 2 }]
  expect(values(log, 0, aborted)).toEqual(["kept", "other", "kept again"])
  expect(values(log)).toContain("gone")
})
