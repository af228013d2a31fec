/** The committed state: a function of the log, whichever way a replica came by it. */
import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { Groups } from "../../src/coordinator/groups.ts"
import type { CoordinatorRecord } from "../../src/coordinator/ports.ts"
import { encodeRecord } from "../../src/coordinator/records/codec.ts"
import { decodeState, encodeState } from "../../src/coordinator/state-codec.ts"
import { bytes, World } from "./world.ts"

const group = fc.constantFrom("g", "h", "g\u00e9", "")
const topic = fc.constantFrom("t", "u", "t\u0000")
const topicId = fc.constantFrom("0".repeat(32), "a".repeat(32), "0123456789abcdef".repeat(2))
const int64 = fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.constant(-1))
const int32 = fc.integer({ min: -1, max: 0x7fffffff })
const text = fc.oneof(fc.constant(""), fc.string({ maxLength: 8 }), fc.constant("m".repeat(200)))

const offset = fc
  .record({
    key: fc.record({ group, topic, partition: fc.nat(4) }),
    value: fc.record({
      offset: int64,
      leaderEpoch: int32,
      metadata: text,
      commitTimestamp: int64,
      expireTimestamp: int64,
      topicId,
    }),
    version: fc.nat(4),
    isTombstone: fc.boolean(),
  })
  .map(({ key, value, version, isTombstone }) =>
    encodeRecord("OffsetCommit", key, isTombstone ? null : value, version),
  )

const members = fc.array(
  fc.record({
    memberId: fc.constantFrom("m", "n", "o"),
    groupInstanceId: fc.option(fc.constant("i")),
    clientId: text,
    clientHost: text,
    rebalanceTimeout: int32,
    sessionTimeout: int32,
    subscription: fc.uint8Array({ maxLength: 4 }),
    assignment: fc.uint8Array({ maxLength: 4 }),
  }),
  { maxLength: 2 },
)

const classic = fc
  .record({
    groupId: group,
    value: fc.option(
      fc.record({
        protocolType: fc.constantFrom("", "consumer"),
        generation: int32,
        protocol: fc.option(fc.constant("range")),
        leader: fc.option(fc.constant("m")),
        currentStateTimestamp: int64,
        members,
      }),
    ),
  })
  .map(({ groupId, value }) => encodeRecord("GroupMetadata", { group: groupId }, value))

const topicsVersion = fc.nat(50).map((version) => encodeRecord("TopicsVersion", {}, { version }))

const records = fc.array(fc.oneof({ weight: 4, arbitrary: offset }, classic, topicsVersion), {
  maxLength: 60,
  // Else most are too short for keys to come again.
  size: "max",
})

/** Bytes of a class that the shortcut for offsets does not take. */
const plain = ({ key, value }: CoordinatorRecord): CoordinatorRecord => ({
  key: new Uint8Array(key),
  value: value === null ? null : new Uint8Array(value),
})

const applied = (all: ReadonlyArray<CoordinatorRecord>, into = new Groups(() => undefined)) => {
  into.apply(all.map((record, i) => ({ ...record, offset: i, timestamp: 0 })))
  return into
}

const hex = (groups: Groups): string => Buffer.from(encodeState(groups)).toString("hex")

const key = (record: CoordinatorRecord) => Buffer.from(record.key).toString("hex")

/** The topic ids that offsets are stored under, by looking at them all. */
const storedIds = ({ offsets }: Groups): Array<string> => {
  const ids = new Set<string>()
  for (const groupId of offsets.groupIds) {
    for (const partitions of offsets.ofGroup(groupId)?.values() ?? []) {
      for (const committed of partitions.values()) ids.add(committed.topicId)
    }
  }
  return [...ids].toSorted()
}

/** What compaction keeps: of each key the last record, tombstones or not. */
const compacted = (all: ReadonlyArray<CoordinatorRecord>, keepsTombstones: boolean) => {
  const last = new Map(all.map((record, i) => [key(record), i]))
  return all.filter(
    (record, i) => last.get(key(record)) === i && (keepsTombstones || record.value !== null),
  )
}

describe("the committed state", () => {
  test("comes back from its bytes, and goes on from there", () => {
    fc.assert(
      fc.property(records, fc.nat(60), (all, at) => {
        const whole = applied(all)
        const restored = new Groups(() => undefined)
        decodeState(encodeState(applied(all.slice(0, at))), restored)
        expect(hex(applied(all.slice(at), restored))).toBe(hex(whole))
        expect(restored.offsets.size).toBe(whole.offsets.size)
        for (const groups of [whole, restored]) {
          expect([...groups.offsets.topicIds].toSorted()).toEqual(storedIds(groups))
        }
      }),
      { numRuns: 300 },
    )
  })

  test("is the same after compaction", () => {
    fc.assert(
      fc.property(records, fc.boolean(), (all, keepsTombstones) => {
        // The version of the topics never goes back in a real log.
        const log = all.filter(
          (record) => !Buffer.from(record.key.subarray(0, 2)).equals(bytes("VA")),
        )
        expect(hex(applied(compacted(log, keepsTombstones)))).toBe(hex(applied(log)))
      }),
      { numRuns: 300 },
    )
  })

  test("offsets read the short way and by the codec are the same", () => {
    fc.assert(
      fc.property(fc.array(offset, { maxLength: 40, size: "max" }), (all) => {
        expect(hex(applied(all))).toBe(hex(applied(all.map(plain))))
      }),
      { numRuns: 500 },
    )
  })

  test("the short way takes no more than the codec does", () => {
    const record = fc.record({ made: offset, at: fc.nat(80), byte: fc.nat(255), cut: fc.nat(80) })
    fc.assert(
      fc.property(record, ({ made, at, byte, cut }) => {
        const damage = (part: Uint8Array | null) => {
          if (part === null) return null
          const damaged = Buffer.from(part.subarray(0, Math.max(2, part.length - (cut % 3))))
          if (at < damaged.length) damaged[at] = byte
          return damaged
        }
        const damaged = { key: made.key, value: damage(made.value) }
        const inKey = { key: damage(made.key) ?? made.key, value: made.value }
        for (const one of [damaged, inKey]) {
          expect(hex(applied([one]))).toBe(hex(applied([plain(one)])))
        }
      }),
      { numRuns: 2_000 },
    )
  })

  test("records that nobody here understands are logged and passed over", () => {
    const lines: Array<string> = []
    const groups = new Groups((level, line) => lines.push(`${level} ${line}`))
    const good = encodeRecord(
      "OffsetCommit",
      { group: "g", topic: "t", partition: 0 },
      { offset: 5, metadata: "", commitTimestamp: 1 },
    )
    const known = encodeRecord("GroupMetadata", { group: "g" }, {})
    const later = Buffer.from(known.value ?? [])
    later.writeInt16BE(9)
    const bad = [
      { key: Buffer.from("7fff01", "hex"), value: null },
      { key: known.key, value: later },
      { key: Buffer.from("00", "hex"), value: null },
      { key: known.key, value: Buffer.from("000300", "hex") },
    ]
    applied([...bad, good], groups)
    expect(lines).toHaveLength(4)
    expect(lines[0]).toBe("warn skipped the record at offset 0: type 32767")
    expect(lines[1]).toContain("a value of version 9")
    expect(lines[2]).toStartWith("error skipped the record at offset 2")
    expect(groups.offsets.get("g", "t", 0)?.offset).toBe(5)
  })

  test("a state of another version or cut short is refused", () => {
    const state = Buffer.from(encodeState(applied([])))
    expect(() => decodeState(state.subarray(0, 9), new Groups(() => undefined))).toThrow()
    state.writeUInt16BE(2)
    expect(() => decodeState(state, new Groups(() => undefined))).toThrow("of version 2")
  })

  test("a coordinator takes it in place of what it had", () => {
    const world = new World()
    world.soleMember("g")
    world.commitOffset("s", 0, 5)
    const state = world.coordinator.encode()
    const other = world.addReplica().coordinator
    expect(Buffer.compare(other.encode(), state)).toBe(0)
    world.deleteGroup("s")
    expect(Buffer.compare(other.encode(), state)).not.toBe(0)
    other.restore(state)
    expect(Buffer.compare(other.encode(), state)).toBe(0)
    other.restore(encodeState(applied([])))
    expect(hex(applied([]))).toBe(Buffer.from(other.encode()).toString("hex"))
    expect(() => world.coordinator.restore(state)).toThrow("leading")
  })
})
