/** What a partition's log says of itself: as bytes, and in the derived state. */
import { expect, test } from "bun:test"
import * as fc from "fast-check"
import {
  decodeCommittedState,
  encodeCommittedState,
} from "../../src/partition/committed-state-codec.ts"
import { CommittedState } from "../../src/partition/committed-state.ts"
import {
  decodeControlEntry,
  encodeControlEntry,
  type ControlEntry,
} from "../../src/partition/control-entry.ts"
import { defaultPartitionConfig } from "../../src/partition/partition-config.ts"
import type { EntryMeta } from "../../storage/wal.ts"

const safe = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })

const controlEntry: fc.Arbitrary<ControlEntry> = fc.oneof(
  fc.record({
    _tag: fc.constant("LogStartMoved" as const),
    offset: safe,
    why: fc.constantFrom("retention.ms", "retention.bytes", "deleteRecords"),
  }),
  fc.record({
    _tag: fc.constant("Compacted" as const),
    upToIndex: safe,
    wallMs: safe,
    tombstonesUpToIndex: safe,
  }),
)

test("a control entry is read as it was written", () => {
  fc.assert(
    fc.property(controlEntry, (entry) => {
      expect(decodeControlEntry(encodeControlEntry(entry))).toEqual(entry)
    }),
  )
})

test("what is not known, cut short or too long throws: a broker does not guess", () => {
  const bytes = encodeControlEntry({ _tag: "LogStartMoved", offset: 7, why: "deleteRecords" })
  const changed = (at: number, value: number) => bytes.map((byte, n) => (n === at ? value : byte))
  expect(() => decodeControlEntry(changed(1, 9))).toThrow("a control entry of type 9, version 0")
  expect(() => decodeControlEntry(changed(3, 1))).toThrow("a control entry of type 1, version 1")
  expect(() => decodeControlEntry(changed(bytes.length - 1, 3))).toThrow("reason 3")
  expect(() => decodeControlEntry(bytes.subarray(0, -1))).toThrow()
  expect(() => decodeControlEntry(new Uint8Array([...bytes, 0]))).toThrow()
})

const envelope = (index: number, firstOffset: number, records: number): EntryMeta => ({
  term: 1,
  index,
  type: "data",
  appendMs: index,
  firstOffset,
  lastOffset: firstOffset + records - 1,
  maxTimestamp: records === 0 ? -1 : index,
  producerId: -1,
  producerEpoch: -1,
  baseSequence: -1,
  entryCrc: 0,
  keptCrc: 0,
  payloadBytes: 10,
})

function stateWith(...starts: ReadonlyArray<number>): CommittedState {
  const state = new CommittedState(defaultPartitionConfig)
  const nothing = new Uint8Array(0)
  state.apply(envelope(1, 0, 10), () => nothing)
  starts.forEach((offset, n) => {
    const entry = { _tag: "LogStartMoved", offset, why: "retention.ms" } as const
    state.apply(envelope(2 + n, 10, 0), () => encodeControlEntry(entry))
  })
  return state
}

test("the log start never goes back, nor beyond what is committed; a start moves nothing else", () => {
  const state = stateWith(4, 2, 7)
  expect([state.logStartOffset, state.highWatermark, state.maxTimestamp]).toEqual([7, 10, 1])
  expect(stateWith(4, 50).logStartOffset).toBe(10)
})

test("the log start is kept in the state's bytes; those from before there was one are read", () => {
  const bytes = encodeCommittedState(stateWith(4))
  expect(decodeCommittedState(bytes)).toMatchObject({ logStartOffset: 4, highWatermark: 10 })
  const again = new CommittedState(defaultPartitionConfig)
  again.restore(decodeCommittedState(bytes))
  expect(again.logStartOffset).toBe(4)
  // Version 1: without the four numbers behind the first four, and the horizons, which are none.
  const first = new Uint8Array([0, 1, ...bytes.subarray(2, 34), ...bytes.subarray(70)])
  const old = decodeCommittedState(first)
  expect(old).toMatchObject({ logStartOffset: 0, highWatermark: 10, maxTimestamp: 1 })
  expect(old.epochs).toEqual([{ epoch: 1, startOffset: 0 }])
})
