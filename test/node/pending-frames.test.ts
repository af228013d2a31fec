import { expect, test } from "bun:test"
import type { Message } from "../../raft/message.ts"
import { noCut } from "../../raft/types.ts"
import { pendingBytesPerPeerMax, PendingFrames } from "../../src/node/pending-frames.ts"

const heartbeat: Message = { _tag: "SteppedDown", from: "0/a", to: "1/b", term: 1 }
const snapshot = (bytes: number): Message => ({
  _tag: "InstallSnapshot",
  from: "0/a",
  to: "1/b",
  term: 1,
  cut: { ...noCut, index: 1, term: 1 },
  totalBytes: bytes,
  stateCrc: 0,
  offset: 0,
  chunk: new Uint8Array(bytes),
  round: 1,
  stripped: false,
})

test("frames wait for the metadata their sender had, and come in order", () => {
  const pending = new PendingFrames()
  pending.add(0, { group: 5, message: heartbeat, metadataIndex: 10 })
  pending.add(0, { group: 6, message: heartbeat, metadataIndex: 12 })
  pending.add(0, { group: 7, message: heartbeat, metadataIndex: 11 })
  expect(pending.release(9)).toEqual([])
  expect(pending.release(11).map((frame) => frame.group)).toEqual([5, 7])
  expect(pending.release(12).map((frame) => frame.group)).toEqual([6])
  expect(pending.bytesOf(0)).toBe(0)
})

test("no peer makes more wait than its bound, and one does not take another's", () => {
  const pending = new PendingFrames()
  const half = { group: 5, message: snapshot(pendingBytesPerPeerMax / 2), metadataIndex: 10 }
  expect(pending.add(0, half)).toBe(true)
  expect(pending.add(0, half)).toBe(false)
  expect(pending.bytesOf(0)).toBeLessThanOrEqual(pendingBytesPerPeerMax)
  expect(pending.add(1, half)).toBe(true)
  pending.forget(0)
  expect(pending.add(0, half)).toBe(true)
})
