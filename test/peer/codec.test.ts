import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { sealEntry, withKept } from "../../raft/entry.ts"
import type { Message } from "../../raft/message.ts"
import type { Configuration, Entry, EntryType, LogCut } from "../../raft/types.ts"
import {
  decodePeerFrame,
  encodePeerFrame,
  firstFrameBytesMax,
  PEER_MAGIC,
  PeerDecodeError,
  PeerFrameSplitter,
  peerVersion,
} from "../../src/peer/codec.ts"
import type { PeerFrame } from "../../src/peer/codec.ts"

const link = { fromMember: "0/aa", toMember: "1/bb" }
const ends = { from: link.fromMember, to: link.toMember }

const natural = fc.nat({ max: Number.MAX_SAFE_INTEGER })
const group = fc.nat({ max: 0x7fffffff })
const payload = fc.uint8Array({ maxLength: 200 })
const name = fc.string({ unit: "binary", maxLength: 20 })

const entriesAfter = (
  prevLogIndex: number,
  seeds: ReadonlyArray<{
    term: number
    type: EntryType
    at: number
    payload: Uint8Array
    left?: number | null
  }>,
): ReadonlyArray<Entry> =>
  seeds.map(({ term, type, at, payload: bytes, left = null }, i) => {
    const entry = sealEntry(type, term, prevLogIndex + 1 + i, at, {
      appendMs: at,
      firstOffset: at,
      lastOffset: at + i - 1,
      // Long.MAX_VALUE, as the wire gives it, is a timestamp that a client may send.
      maxTimestamp: at % 2 === 0 ? 2 ** 63 : -1,
      producerId: at % 3 === 0 ? at : -1,
      producerEpoch: i % 2 === 0 ? -1 : 32767,
      baseSequence: i % 2 === 0 ? -1 : 0x7fffffff,
      payload: bytes,
    })
    return left === null ? entry : withKept(entry, bytes.subarray(0, left))
  })

const entrySeed = fc.record({
  term: natural,
  type: fc.constantFrom("noop", "configuration", "data"),
  at: fc.nat({ max: 2 ** 50 }),
  payload,
  /** Compaction has left so much of it. */
  left: fc.option(fc.nat({ max: 100 })),
})

const members = fc.uniqueArray(fc.constantFrom("0/aa", "1/bb", "2/cc", "3/dd", "4/ée"), {
  minLength: 2,
})
/** Sound ones only: the receiver refuses the others. */
const configuration: fc.Arbitrary<Configuration> = fc
  .tuple(members, fc.boolean(), fc.boolean())
  .map(([[first, ...others], learns, witness]) => ({
    voters: learns ? [first!] : [first!, ...others],
    votersOutgoing: [],
    learners: learns ? others : [],
    learnersNext: [],
    // Never a majority of them.
    witnesses: witness && !learns ? others.slice(0, Math.floor((others.length + 1) / 2)) : [],
  }))
const logCut: fc.Arbitrary<LogCut> = fc.record({
  index: natural,
  term: natural,
  lastOffset: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
  appendMs: natural,
  configuration: fc.option(configuration),
  configurationIndex: natural,
})

const common = { ...ends }
const message: fc.Arbitrary<Message> = fc.oneof(
  fc
    .record({
      term: natural,
      prevLogIndex: fc.nat({ max: 2 ** 50 }),
      prevLogTerm: natural,
      leaderCommit: natural,
      round: natural,
      durableIndex: natural,
      readmitted: fc.boolean(),
      stripped: fc.boolean(),
      seeds: fc.array(entrySeed, { maxLength: 6 }),
    })
    .map(({ seeds, ...m }): Message => ({
      _tag: "AppendEntries",
      ...common,
      ...m,
      entries: entriesAfter(m.prevLogIndex, seeds),
    })),
  fc
    .record({
      term: natural,
      success: fc.boolean(),
      matchIndex: natural,
      hintIndex: natural,
      hintTerm: natural,
      round: natural,
      counts: fc.boolean(),
    })
    .map((m): Message => ({ _tag: "AppendEntriesResponse", ...common, ...m })),
  fc
    .record({ term: natural, lastLogIndex: natural, lastLogTerm: natural })
    .map((m): Message => ({ _tag: "PreVote", ...common, ...m })),
  fc
    .record({
      term: natural,
      lastLogIndex: natural,
      lastLogTerm: natural,
      leaderLeaseWaived: fc.boolean(),
    })
    .map((m): Message => ({ _tag: "RequestVote", ...common, ...m })),
  fc
    .record({
      _tag: fc.constantFrom("PreVoteResponse", "RequestVoteResponse"),
      term: natural,
      granted: fc.boolean(),
      counts: fc.boolean(),
    })
    .map((m): Message => ({ ...common, ...m })),
  fc
    .record({
      term: natural,
      cut: logCut,
      totalBytes: natural,
      stateCrc: fc.nat({ max: 0xffffffff }),
      offset: natural,
      chunk: payload,
      round: natural,
      stripped: fc.boolean(),
    })
    .map((m): Message => ({ _tag: "InstallSnapshot", ...common, ...m })),
  fc
    .record({
      term: natural,
      lastIncludedIndex: natural,
      nextOffset: natural,
      round: natural,
      counts: fc.boolean(),
    })
    .map((m): Message => ({ _tag: "InstallSnapshotResponse", ...common, ...m })),
  fc
    .record({ _tag: fc.constantFrom("TimeoutNow", "SteppedDown"), term: natural })
    .map((m): Message => ({ ...common, ...m })),
  fc
    .record({ term: natural, lastLogIndex: natural, commitIndex: natural })
    .map((m): Message => ({ _tag: "Quiesce", ...common, ...m })),
  fc
    .record({ term: natural, lastLogIndex: natural, agreed: fc.boolean() })
    .map((m): Message => ({ _tag: "QuiesceResponse", ...common, ...m })),
)

const frame: fc.Arbitrary<PeerFrame> = fc.oneof(
  fc
    .array(fc.record({ group, index: natural }), { maxLength: 20 })
    .map((groups): PeerFrame => ({ _tag: "Compacted", groups })),
  fc
    .record({
      clusterId: name,
      nodeId: group,
      diskUuid: name,
      incarnation: name,
      appliedMetadataIndex: natural,
      heights: fc.array(
        fc.record({ group, term: natural, acceptedTerm: natural, lastIndex: natural }),
        { maxLength: 40 },
      ),
      witnessedDisk: name,
      witnessed: fc.array(
        fc.record({
          group,
          index: natural,
          entryTerm: natural,
          leaderTerm: natural,
          promisedTerm: natural,
          voted: fc.boolean(),
        }),
        { maxLength: 40 },
      ),
    })
    .map((f): PeerFrame => ({ _tag: "Hello", version: peerVersion, ...f })),
  fc
    .record({ appliedMetadataIndex: natural, lowSpace: fc.boolean() })
    .map((f): PeerFrame => ({ _tag: "Heartbeat", ...f })),
  fc
    .record({ group, appliedMetadataIndex: natural, message })
    .map((f): PeerFrame => ({ _tag: "Raft", ...f })),
  fc
    .record({
      _tag: fc.constantFrom("Request", "Response"),
      correlationId: fc.integer(),
      frame: payload,
    })
    .map((f): PeerFrame => f),
  fc
    .array(
      fc.record({
        group,
        leader: fc.integer({ min: -1, max: 9 }),
        term: natural,
        isr: fc.array(fc.nat({ max: 9 }), { maxLength: 5 }),
      }),
      { maxLength: 10 },
    )
    .map((partitions): PeerFrame => ({ _tag: "Report", partitions })),
)

const bytesOf = (f: PeerFrame): Buffer => Buffer.concat(encodePeerFrame(f))

/** The frame without its length, as the splitter hands it on. */
const bodyOf = (f: PeerFrame): Buffer => bytesOf(f).subarray(4)

/** Views and arrays look alike to a reader. */
const plain = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex")
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plain(field)]))
}

describe("peer frames", () => {
  test("survive their bytes, in whatever pieces these arrive", () => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 8 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 90 })),
        (frames, sizes) => {
          const bytes = Buffer.concat(frames.map(bytesOf))
          const splitter = new PeerFrameSplitter()
          const received: Array<PeerFrame> = []
          for (let at = 0; at < bytes.length;) {
            const size = sizes.next().value!
            for (const body of splitter.push(bytes.subarray(at, at + size))) {
              received.push(decodePeerFrame(body, link))
            }
            at += size
          }
          expect(received.map(plain)).toEqual(frames.map(plain))
        },
      ),
      { numRuns: 300 },
    )
  })

  test("payloads are the sender's own bytes, and views on the receiver's frame", () => {
    const entries = entriesAfter(4, [
      { term: 2, type: "data", at: 10, payload: new Uint8Array(5000).fill(7) },
    ])
    const append: Message = {
      _tag: "AppendEntries",
      ...ends,
      term: 2,
      prevLogIndex: 4,
      prevLogTerm: 1,
      entries,
      leaderCommit: 3,
      round: 9,
      durableIndex: 0,
      readmitted: false,
      stripped: false,
    }
    const parts = encodePeerFrame({
      _tag: "Raft",
      group: 1,
      appliedMetadataIndex: 0,
      message: append,
    })
    expect(parts.at(-1)).toBe(entries[0]!.payload)
    const body = Buffer.concat(parts).subarray(4)
    const decoded = decodePeerFrame(body, link)
    if (decoded._tag !== "Raft" || decoded.message._tag !== "AppendEntries") throw new Error("?")
    expect(decoded.message.entries[0]!.payload.buffer).toBe(body.buffer)
    const request = new Uint8Array([1, 2, 3])
    expect(encodePeerFrame({ _tag: "Request", correlationId: 1, frame: request })[1]).toBe(request)
  })

  test("who speaks is the link's identity, not what the message says", () => {
    const lie: Message = { _tag: "TimeoutNow", from: "9/zz", to: "8/yy", term: 1 }
    const body = bodyOf({ _tag: "Raft", group: 1, appliedMetadataIndex: 0, message: lie })
    expect(decodePeerFrame(body, link)).toMatchObject({ message: ends })
  })

  test("the magic is no length of a Kafka frame", () => {
    expect(Buffer.from(PEER_MAGIC).toString("latin1")).toBe("VARVEPR1")
    expect(Buffer.from(PEER_MAGIC).readInt32BE(0)).toBeGreaterThan(1.4e9)
  })

  test("entries that do not follow each other are a bug of the sender", () => {
    const [first] = entriesAfter(4, [{ term: 2, type: "data", at: 1, payload: new Uint8Array(1) }])
    const append: Message = {
      _tag: "AppendEntries",
      ...ends,
      term: 2,
      prevLogIndex: 7,
      prevLogTerm: 1,
      entries: [first!],
      leaderCommit: 0,
      round: 0,
      durableIndex: 0,
      readmitted: false,
      stripped: false,
    }
    expect(() =>
      bodyOf({ _tag: "Raft", group: 1, appliedMetadataIndex: 0, message: append }),
    ).toThrow("out of its place")
  })
})

const fails = (body: Uint8Array): unknown => {
  try {
    decodePeerFrame(body, link)
    return undefined
  } catch (error) {
    return error
  }
}

describe("bytes that are no peer frame", () => {
  test("every flipped bit of an entry is noticed", () => {
    const entries = entriesAfter(0, [
      { term: 1, type: "data", at: 3, payload: new Uint8Array(64).fill(5) },
      { term: 1, type: "noop", at: 6, payload: new Uint8Array(0) },
      { term: 1, type: "data", at: 9, payload: new Uint8Array(64).fill(6), left: 20 },
      { term: 1, type: "data", at: 12, payload: new Uint8Array(64).fill(7), left: 0 },
    ])
    const append: Message = {
      _tag: "AppendEntries",
      ...ends,
      term: 1,
      prevLogIndex: 0,
      prevLogTerm: 0,
      entries,
      leaderCommit: 0,
      round: 0,
      durableIndex: 0,
      readmitted: false,
      stripped: false,
    }
    const body = bodyOf({ _tag: "Raft", group: 1, appliedMetadataIndex: 0, message: append })
    expect(fails(body)).toBeUndefined()
    const entriesAt = body.length - (4 * 67 + 64 + 20)
    for (let bit = entriesAt * 8; bit < body.length * 8; bit++) {
      const damaged = Buffer.from(body)
      damaged[bit >> 3]! ^= 1 << (bit & 7)
      expect(fails(damaged)).toBeInstanceOf(PeerDecodeError)
    }
  })

  test("cut, lengthened, or changed anywhere: decoded as a frame or refused, nothing else", () => {
    fc.assert(
      fc.property(frame, fc.nat(), fc.nat({ max: 255 }), (f, seed, byte) => {
        const body = bodyOf(f)
        const cut = fails(body.subarray(0, seed % body.length))
        const isOpen = f._tag === "Request" || f._tag === "Response" || f._tag === "Raft"
        if (cut === undefined) expect(isOpen).toBe(true)
        else expect(cut).toBeInstanceOf(PeerDecodeError)
        const changed = Buffer.from(body)
        changed[seed % body.length] = byte
        for (const other of [changed, Buffer.concat([body, Buffer.from([byte])])]) {
          const error = fails(other)
          if (error !== undefined) expect(error).toBeInstanceOf(PeerDecodeError)
        }
      }),
      { numRuns: 500 },
    )
  })

  test("random bytes", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 7 }),
        fc.uint8Array({ maxLength: 300 }),
        (type, rest) => {
          const error = fails(Buffer.concat([Buffer.from([type]), rest]))
          if (error !== undefined) expect(error).toBeInstanceOf(PeerDecodeError)
        },
      ),
      { numRuns: 1000 },
    )
  })

  test("an unknown frame, message or version, and counts that cannot be", () => {
    const hello = bodyOf({
      _tag: "Hello",
      version: peerVersion,
      clusterId: "c",
      nodeId: 1,
      diskUuid: "d",
      incarnation: "i",
      appliedMetadataIndex: 0,
      heights: [],
      witnessedDisk: "",
      witnessed: [],
    })
    expect(String(fails(Buffer.from([99])))).toContain("type 99")
    const newer = Buffer.from(hello)
    newer.writeInt32BE(1, 1)
    expect(String(fails(newer))).toContain("version 1")
    const greedy = Buffer.from(hello)
    greedy.writeInt32BE(0x7fffffff, greedy.length - 4)
    expect(String(fails(greedy))).toContain("2147483647 elements")
    const negative = Buffer.from(hello)
    negative.writeInt32BE(-5, 5)
    expect(String(fails(negative))).toContain("-5 bytes wanted")
    expect(fails(Buffer.alloc(0))).toBeInstanceOf(PeerDecodeError)
    const bare: Message = { _tag: "TimeoutNow", ...ends, term: 1 }
    const raft = bodyOf({ _tag: "Raft", group: 1, appliedMetadataIndex: 0, message: bare })
    raft[13] = 77
    expect(String(fails(raft))).toContain("raft message of type 77")
  })
})

const header = (length: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(length)
  return bytes
}

describe("PeerFrameSplitter", () => {
  const heartbeat = bytesOf({ _tag: "Heartbeat", appliedMetadataIndex: 5, lowSpace: false })

  test("a frame in one chunk is not copied", () => {
    const [body] = new PeerFrameSplitter().push(heartbeat)
    expect(body!.buffer).toBe(heartbeat.buffer)
    expect(body!.byteOffset).toBe(heartbeat.byteOffset + 4)
  })

  test("impossible lengths are refused at once; only a peer that said Hello may send much", () => {
    for (const length of [-1, 0, 0x7fffffff, firstFrameBytesMax + 1]) {
      expect(() => new PeerFrameSplitter().push(header(length))).toThrow(PeerDecodeError)
    }
    const splitter = new PeerFrameSplitter()
    expect(splitter.push(Buffer.concat([heartbeat, header(firstFrameBytesMax + 1)])).length).toBe(1)
    expect(() => splitter.push(header(-1))).not.toThrow()
  })

  test("a claimed length alone allocates nothing, and a long frame costs one copy", () => {
    const splitter = new PeerFrameSplitter()
    splitter.push(heartbeat)
    const size = 20 * 1024 * 1024
    const chunk = Buffer.alloc(64 * 1024, 1)
    expect(splitter.push(header(size))).toEqual([])
    const before = performance.now()
    let frames: ReadonlyArray<Uint8Array> = []
    for (let sent = 0; sent < size; sent += chunk.length) frames = splitter.push(chunk)
    expect(frames.map((f) => f.length)).toEqual([size])
    // One byte at a time over a copy per chunk would take minutes.
    expect(performance.now() - before).toBeLessThan(2000)
  })
})
