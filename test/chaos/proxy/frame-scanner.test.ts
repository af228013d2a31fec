import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import {
  FrameScanner,
  kafkaFraming,
  peerAnswerFraming,
  peerFraming,
  raftFrameType,
} from "../../../src/chaos/proxy/frame-scanner.ts"
import type { Framing } from "../../../src/chaos/proxy/frame-scanner.ts"
import { PEER_MAGIC, encodePeerFrame } from "../../../src/peer/codec.ts"
import type { PeerFrame } from "../../../src/peer/codec.ts"
import { frameOf } from "./proxied.ts"

interface Seen {
  /** Everything, in order. */
  readonly all: Buffer
  /** Whole frames, with their length. */
  readonly frames: ReadonlyArray<{ readonly bytes: Buffer; readonly type: number }>
  readonly outside: Buffer
}

function scan(framing: Framing, chunks: ReadonlyArray<Uint8Array>): Seen {
  const scanner = new FrameScanner(framing)
  const all: Array<Uint8Array> = []
  const outside: Array<Uint8Array> = []
  const frames: Array<{ bytes: Buffer; type: number }> = []
  let open: Array<Uint8Array> = []
  for (const chunk of chunks) {
    for (const { bytes, frame, begins, ends } of scanner.push(chunk)) {
      all.push(bytes)
      if (frame === undefined) {
        outside.push(bytes)
        continue
      }
      expect(begins).toBe(open.length === 0)
      open.push(bytes)
      if (!ends) continue
      const whole = Buffer.concat(open)
      expect(whole.length).toBe(frame.bytes)
      frames.push({ bytes: whole, type: frame.type })
      open = []
    }
  }
  all.push(scanner.flush())
  return { all: Buffer.concat(all), frames, outside: Buffer.concat(outside) }
}

/** The same bytes in pieces of these sizes. */
function split(bytes: Uint8Array, sizes: ReadonlyArray<number>): ReadonlyArray<Uint8Array> {
  const chunks: Array<Uint8Array> = []
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return chunks
}

const sizesOf = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 12 })

const envelope = { from: "1@a", to: "0@b", term: 7 }

const peerFrames: ReadonlyArray<PeerFrame> = [
  {
    _tag: "Hello",
    version: 4,
    clusterId: "c",
    nodeId: 1,
    diskUuid: "a",
    incarnation: "i",
    appliedMetadataIndex: 3,
    heights: [],
    witnessedDisk: "",
    witnessed: [],
  },
  {
    _tag: "Raft",
    group: 5,
    appliedMetadataIndex: 3,
    message: { _tag: "TimeoutNow", ...envelope },
  },
  { _tag: "Heartbeat", appliedMetadataIndex: 3, lowSpace: false },
  { _tag: "Request", correlationId: 1, frame: new Uint8Array(77) },
  {
    _tag: "Raft",
    group: 5,
    appliedMetadataIndex: 3,
    message: { _tag: "PreVote", ...envelope, lastLogIndex: 1, lastLogTerm: 1 },
  },
  { _tag: "Response", correlationId: 1, frame: new Uint8Array(0) },
]

describe("frames between brokers", () => {
  const encoded = peerFrames.map((frame) => Buffer.concat(encodePeerFrame(frame)))
  const stream = Buffer.concat([PEER_MAGIC, ...encoded])

  test("are found, with their kind, as the brokers' own encoder writes them", () => {
    fc.assert(
      fc.property(sizesOf, (sizes) => {
        const { all, frames, outside } = scan(peerFraming, split(stream, sizes))
        expect(all.equals(stream)).toBe(true)
        expect(outside.toString()).toBe("VARVEPR1")
        expect(frames.map(({ bytes }) => bytes.toString("hex"))).toEqual(
          encoded.map((bytes) => bytes.toString("hex")),
        )
        const isRaft = frames.map(({ type }) => type === raftFrameType)
        expect(isRaft).toEqual(peerFrames.map(({ _tag }) => _tag === "Raft"))
      }),
    )
  })

  test("come back on the same connection without the magic", () => {
    const { frames, outside } = scan(peerAnswerFraming, [Buffer.concat(encoded.slice(0, 1))])
    expect([frames.length, outside.length]).toEqual([1, 0])
  })

  test("a stream that begins otherwise is carried without frames", () => {
    const bytes = Buffer.from("VARVEPS1 and whatever")
    for (const sizes of [[3], [100]]) {
      const { all, frames } = scan(peerFraming, split(bytes, sizes))
      expect([all.toString(), frames.length]).toEqual([bytes.toString(), 0])
    }
  })
})

test("Kafka's frames are found however the stream is cut", () => {
  const bodies = fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 12 })
  fc.assert(
    fc.property(bodies, sizesOf, fc.uint8Array({ maxLength: 3 }), (all, sizes, rest) => {
      const frames = all.map((body) => frameOf(body))
      // The beginning of a frame that never comes.
      const stream = Buffer.concat([...frames, rest])
      const seen = scan(kafkaFraming, split(stream, sizes))
      expect(seen.all.equals(stream)).toBe(true)
      expect(seen.frames.map(({ bytes }) => bytes.toString("hex"))).toEqual(
        frames.map((bytes) => bytes.toString("hex")),
      )
    }),
  )
})

test("what no frame has for a length ends the search, not the stream", () => {
  const bytes = Buffer.concat([frameOf("one"), Buffer.from("GET / HTTP/1.1\r\n\r\n")])
  for (const sizes of [[1], [5], [100]]) {
    const { all, frames, outside } = scan(kafkaFraming, split(bytes, sizes))
    expect(all.equals(bytes)).toBe(true)
    expect([frames.length, outside.toString()]).toEqual([1, "GET / HTTP/1.1\r\n\r\n"])
  }
})
