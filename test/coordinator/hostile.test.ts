/** Nothing that a client can say may stop the broker, or spoil a group for its other members. */
import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { ErrorCode } from "../../src/protocol/error-codes.ts"
import { joinGroup } from "../../src/protocol/messages/join-group.ts"
import { leaveGroup } from "../../src/protocol/messages/leave-group.ts"
import { offsetCommit } from "../../src/protocol/messages/offset-commit.ts"
import { offsetDelete } from "../../src/protocol/messages/offset-delete.ts"
import { syncGroup } from "../../src/protocol/messages/sync-group.ts"
import type { RequestOf } from "../../src/protocol/schema.ts"
import { longMax } from "../../src/protocol/schema.ts"
import { asReceived } from "./as-received.ts"
import { World } from "./world.ts"

/** 32,767 bytes that are not UTF-8 arrive as this. */
const expanded = "\ufffd".repeat(32_767)
const long = "x".repeat(32_767)

const join = asReceived(joinGroup, 9, {
  groupId: "g",
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 10_000,
  protocolType: "consumer",
  protocols: [{ name: "range" }],
})

const errorOfJoin = (world: World, request: RequestOf<typeof joinGroup>, clientId = "c") => {
  let errorCode: number | undefined
  const origin = world.origin({ apiVersion: 9, clientId })
  world.coordinator.joinGroup(request, origin, (response) => (errorCode = response.errorCode))
  world.settle()
  return errorCode
}

describe("texts that no record can hold", () => {
  const { UNKNOWN_SERVER_ERROR, INVALID_GROUP_ID } = ErrorCode

  test("in JoinGroup", () => {
    const world = new World()
    const { memberId } = world.soleMember("g")
    const cases = [
      [{ groupId: expanded }, INVALID_GROUP_ID],
      [{ memberId: expanded }, UNKNOWN_SERVER_ERROR],
      [{ groupInstanceId: long }, UNKNOWN_SERVER_ERROR],
      [{ protocolType: expanded }, UNKNOWN_SERVER_ERROR],
      [{ protocols: [{ name: expanded, metadata: new Uint8Array(0) }] }, UNKNOWN_SERVER_ERROR],
    ] as const
    for (const [rest, errorCode] of cases) {
      expect(errorOfJoin(world, { ...join, ...rest })).toBe(errorCode)
    }
    expect(errorOfJoin(world, join, long)).toBe(UNKNOWN_SERVER_ERROR)
    const beat = world.heartbeat({ groupId: "g", memberId, generationId: 1 }).now
    expect(beat.errorCode).toBe(ErrorCode.NONE)
  })

  test("in OffsetCommit: metadata fails its partition, a group id the request", () => {
    const world = new World({ offsetMetadataMaxBytes: 0x7fff_ffff })
    const committed = { partitionIndex: 0, committedOffset: longMax, committedLeaderEpoch: -1 }
    const topics = [
      {
        name: "t",
        topicId: "0".repeat(32),
        partitions: [{ ...committed, committedMetadata: expanded }],
      },
    ]
    const request = { ...asReceived(offsetCommit, 9, {}), groupId: "g", topics }
    const ask = (one: RequestOf<typeof offsetCommit>) => {
      let answer: unknown
      world.coordinator.offsetCommit(one, world.origin(), (response) => {
        answer = response.topics?.[0]?.partitions?.[0]?.errorCode
      })
      world.settle()
      return answer
    }
    expect(ask(request)).toBe(ErrorCode.OFFSET_METADATA_TOO_LARGE)
    expect(ask({ ...request, groupId: expanded })).toBe(INVALID_GROUP_ID)
    expect(world.deleteGroup(expanded).now).toBe(INVALID_GROUP_ID)
  })

  test("a retention beyond the end of time", () => {
    const world = new World({ offsetsRetentionCheckIntervalMs: 1_000 })
    for (const retentionTimeMs of [longMax, 2 ** 62, Number.MAX_SAFE_INTEGER]) {
      const partitions = [{ partitionIndex: 0, committedOffset: 5 }]
      const topics = [{ name: "t", partitions }]
      const answer = world.commit({ groupId: "g", retentionTimeMs, topics }, { apiVersion: 2 }).now
      expect(answer.topics?.[0]?.partitions?.[0]?.errorCode).toBe(ErrorCode.NONE)
      world.pass(2_000)
      expect(world.fetched("g")?.committedOffset).toBe(5)
    }
  })
})

const few = <T>(one: fc.Arbitrary<T>) => fc.array(one, { maxLength: 3 })

test("any values in any order are answered, or wait", () => {
  const text = fc.constantFrom("", "g", "m", "t", "i", expanded, long)
  const nullable = fc.option(text)
  const number = fc.constantFrom(-(2 ** 31), -2, -1, 0, 1, 2 ** 31 - 1)
  const int64 = fc.constantFrom(-(2 ** 63), -2, -1, 0, 1, longMax)
  const some = new Uint8Array([0, 1, 0xff])
  const data = fc.constantFrom(new Uint8Array(0), some)
  const version = fc.nat(10)
  const protocols = few(fc.record({ name: text, metadata: data }))
  const requests = fc.oneof(
    fc.record({
      _tag: fc.constant("join" as const),
      version,
      fields: fc.record({
        groupId: text,
        sessionTimeoutMs: number,
        rebalanceTimeoutMs: number,
        memberId: text,
        groupInstanceId: nullable,
        protocolType: text,
        protocols,
        reason: nullable,
      }),
    }),
    fc.record({
      _tag: fc.constant("sync" as const),
      version,
      fields: fc.record({
        groupId: text,
        generationId: number,
        memberId: text,
        groupInstanceId: nullable,
        protocolType: nullable,
        protocolName: nullable,
        assignments: few(fc.record({ memberId: text, assignment: data })),
      }),
    }),
    fc.record({
      _tag: fc.constant("leave" as const),
      version,
      fields: fc.record({
        groupId: text,
        memberId: text,
        members: few(fc.record({ memberId: text, groupInstanceId: nullable, reason: nullable })),
      }),
    }),
    fc.record({
      _tag: fc.constant("commit" as const),
      version,
      fields: fc.record({
        groupId: text,
        generationIdOrMemberEpoch: number,
        memberId: text,
        groupInstanceId: nullable,
        retentionTimeMs: int64,
        topics: few(
          fc.record({
            name: text,
            topicId: fc.constantFrom("0".repeat(32), "0".repeat(31) + "1"),
            partitions: few(
              fc.record({
                partitionIndex: number,
                committedOffset: int64,
                committedLeaderEpoch: number,
                committedMetadata: nullable,
              }),
            ),
          }),
        ),
      }),
    }),
    fc.record({
      _tag: fc.constant("delete" as const),
      version,
      fields: fc.record({
        groupId: text,
        topics: few(
          fc.record({ name: text, partitions: few(fc.record({ partitionIndex: number })) }),
        ),
      }),
    }),
  )
  const sequence = fc.array(requests, { minLength: 5, maxLength: 40, size: "max" })
  fc.assert(
    fc.property(sequence, (all) => {
      const world = new World()
      let answers = 0
      const reply = () => answers++
      for (const { _tag, version: apiVersion, fields } of all) {
        const origin = world.origin({ apiVersion })
        const { coordinator } = world
        if (_tag === "join") coordinator.joinGroup({ ...join, ...fields }, origin, reply)
        if (_tag === "sync") {
          coordinator.syncGroup({ ...asReceived(syncGroup, 5, {}), ...fields }, origin, reply)
        }
        if (_tag === "leave") {
          coordinator.leaveGroup({ ...asReceived(leaveGroup, 5, {}), ...fields }, origin, reply)
        }
        if (_tag === "commit") {
          const request = { ...asReceived(offsetCommit, 9, {}), ...fields }
          coordinator.offsetCommit(request, origin, reply)
        }
        if (_tag === "delete") {
          coordinator.offsetDelete({ ...asReceived(offsetDelete, 0, {}), ...fields }, origin, reply)
        }
        world.settle()
        world.pass(3_000, 1_000)
      }
      world.coordinator.resigned()
      expect(answers).toBe(all.length)
      const reader = world.addReplica().coordinator
      expect(Buffer.compare(reader.encode(), world.coordinator.encode())).toBe(0)
      world.elect(world.leader)
      world.pass(10_000, 1_000)
    }),
    { numRuns: 150 },
  )
})
