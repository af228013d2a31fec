import { describe, expect, test } from "bun:test"
import { encodeOffset } from "../../src/coordinator/offsets/offset-records.ts"
import { ErrorCode } from "../../src/protocol/error-codes.ts"
import type { offsetCommit } from "../../src/protocol/messages/offset-commit.ts"
import type { ResponseInput } from "../../src/protocol/schema.ts"
import { zeroUuid } from "../../src/protocol/uuid.ts"
import { bytes, World } from "./world.ts"
import type { Answer } from "./world.ts"

const { NONE, UNKNOWN_TOPIC_ID, UNKNOWN_TOPIC_OR_PARTITION } = ErrorCode

type Committed = Answer<ResponseInput<typeof offsetCommit>>

const errors = ({ now }: Committed) =>
  now.topics?.flatMap((topic) => topic.partitions?.map((one) => one.errorCode) ?? [])

const member = (generationId: number, memberId: string) => ({
  generationIdOrMemberEpoch: generationId,
  memberId,
})

const all = (world: World, groupId: string, apiVersion = 8) => {
  const asked = { groupId, memberId: null, memberEpoch: -1, topics: null }
  return world.coordinator.fetchOffsets(asked, world.origin({ apiVersion })).topics
}

const at = (partitionIndex: number) => ({ partitionIndex, committedOffset: 1 })

const remove = (world: World, groupId: string, topic: string, ...partitions: Array<number>) => {
  const indexes = partitions.map((partitionIndex) => ({ partitionIndex }))
  const topics = [{ name: topic, partitions: indexes }]
  return world.deleteOffsets({ groupId, topics }).now
}

const tombstones = (world: World) => world.log.at(-1)?.records.filter((r) => r.value === null)

describe("OffsetCommit", () => {
  test("comes back with metadata and leader epoch", () => {
    const world = new World()
    const partitions = [
      {
        partitionIndex: 1,
        committedOffset: 12,
        committedLeaderEpoch: 3,
        committedMetadata: "note",
      },
    ]
    const committed = world.commit({ groupId: "g", topics: [{ name: "t", partitions }] })
    expect(errors(committed)).toEqual([NONE])
    expect(world.fetched("g", "t", 1)).toEqual({
      partitionIndex: 1,
      committedOffset: 12,
      committedLeaderEpoch: 3,
      metadata: "note",
      errorCode: NONE,
    })
    const never = { committedOffset: -1, committedLeaderEpoch: -1, metadata: "", errorCode: NONE }
    expect(world.fetched("g", "t", 0)).toEqual({ partitionIndex: 0, ...never })
    expect(world.fetched("none", "t", 0)).toEqual({ partitionIndex: 0, ...never })
    expect(world.fetched("g", "nobody", 0)).toEqual({ partitionIndex: 0, ...never })
  })

  test("is answered when it is committed, and not seen before", () => {
    const world = new World()
    world.autoCommit = false
    const committed = world.commitOffset("g", 0, 5)
    expect(committed.isOpen).toBe(true)
    expect(world.fetched("g")?.committedOffset).toBe(-1)
    world.commitOne()
    expect(errors(committed)).toEqual([NONE])
    expect(world.fetched("g")?.committedOffset).toBe(5)
    const failed = world.commitOffset("g", 0, 6)
    world.commitOne(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    expect(errors(failed)).toEqual([ErrorCode.COORDINATOR_NOT_AVAILABLE])
    expect(world.fetched("g")?.committedOffset).toBe(5)
  })

  test("those that come while one is under way are one batch, the last word counts", () => {
    const world = new World()
    const { memberId } = world.soleMember("g")
    world.autoCommit = false
    const before = world.log.length
    const who = member(1, memberId)
    const all4 = [1, 2, 3].map((offset) => world.commitOffset("g", 0, offset, who))
    const stranger = world.commitOffset("g", 0, 9, member(1, "who"))
    world.commitOne()
    world.commitOne()
    expect(world.log.length - before).toBe(2)
    for (const committed of all4) expect(errors(committed)).toEqual([NONE])
    expect(errors(stranger)).toEqual([ErrorCode.UNKNOWN_MEMBER_ID])
    expect(world.fetched("g")?.committedOffset).toBe(3)
  })

  test("who may commit into a group with members", () => {
    const world = new World()
    const { memberId } = world.soleMember("g")
    const cases = [
      [member(1, memberId), NONE],
      [member(1, "who-4"), ErrorCode.UNKNOWN_MEMBER_ID],
      [member(4, memberId), ErrorCode.ILLEGAL_GENERATION],
      [member(-1, ""), ErrorCode.UNKNOWN_MEMBER_ID],
      [member(-1, memberId), ErrorCode.ILLEGAL_GENERATION],
      [{ ...member(1, memberId), groupInstanceId: "i" }, ErrorCode.UNKNOWN_MEMBER_ID],
    ] as const
    for (const [who, errorCode] of cases) {
      expect(errors(world.commitOffset("g", 0, 5, who))).toEqual([errorCode])
    }
    world.join({ groupId: "g", memberId })
    expect(errors(world.commitOffset("g", 0, 5, member(2, memberId)))).toEqual([
      ErrorCode.REBALANCE_IN_PROGRESS,
    ])
  })

  test("while a group prepares to rebalance, its members may commit what they have read", () => {
    const world = new World()
    const { memberId } = world.soleMember("g")
    world.join({ groupId: "g" }, { apiVersion: 3 })
    expect(errors(world.commitOffset("g", 0, 5, member(1, memberId)))).toEqual([NONE])
  })

  test("a commit keeps the session alive", () => {
    const world = new World()
    const { memberId } = world.soleMember("g")
    for (let i = 0; i < 4; i++) {
      world.pass(6_000)
      expect(errors(world.commitOffset("g", 0, i, member(1, memberId)))).toEqual([NONE])
    }
  })

  test("a group that is not there: from outside it is made, with a generation it is unknown", () => {
    const world = new World()
    expect(errors(world.commitOffset("g", 0, 5))).toEqual([NONE])
    const who = { ...member(1, "m"), topic: "t" }
    expect(errors(world.commitOffset("h", 0, 5, who))).toEqual([ErrorCode.GROUP_ID_NOT_FOUND])
    const partitions = [{ partitionIndex: 0, committedOffset: 5 }]
    const topics = [{ name: "t", partitions }]
    const older = world.commit({ groupId: "h", ...member(1, "m"), topics }, { apiVersion: 8 })
    expect(errors(older)).toEqual([ErrorCode.ILLEGAL_GENERATION])
    // An empty group lets the outside in, but no member it does not have.
    expect(errors(world.commitOffset("g", 0, 6))).toEqual([NONE])
    expect(errors(world.commitOffset("g", 0, 6, who))).toEqual([ErrorCode.UNKNOWN_MEMBER_ID])
    expect(errors(world.commitOffset("g", 0, 6, member(-1, "m")))).toEqual([NONE])
  })

  test("topics and partitions that are not there are refused first, whoever asks", () => {
    const world = new World()
    const topics = [
      { name: "t", partitions: [at(0), at(3), at(-1)] },
      { name: "nobody", partitions: [at(0)] },
      { name: "u", partitions: [at(0)] },
    ]
    world.topics.create("u", 1)
    const answer = world.commit({ groupId: "g", ...member(1, "who"), topics }).now
    expect(answer.topics).toMatchObject([
      {
        name: "t",
        partitions: [
          { partitionIndex: 3, errorCode: UNKNOWN_TOPIC_OR_PARTITION },
          { partitionIndex: -1, errorCode: UNKNOWN_TOPIC_OR_PARTITION },
          { partitionIndex: 0, errorCode: ErrorCode.GROUP_ID_NOT_FOUND },
        ],
      },
      {
        name: "nobody",
        partitions: [{ partitionIndex: 0, errorCode: UNKNOWN_TOPIC_OR_PARTITION }],
      },
      { name: "u", partitions: [{ partitionIndex: 0, errorCode: ErrorCode.GROUP_ID_NOT_FOUND }] },
    ])
    const only = world.commitOffset("g", 0, 5, { ...member(1, "who"), topic: "nobody" })
    expect(errors(only)).toEqual([UNKNOWN_TOPIC_OR_PARTITION])
    expect(world.log).toHaveLength(0)
  })

  test("metadata over the limit fails its partition alone", () => {
    const world = new World({ offsetMetadataMaxBytes: 4 })
    const partitions = ["four", "fives", null].map((committedMetadata, partitionIndex) => {
      return { partitionIndex, committedOffset: 1, committedMetadata }
    })
    const committed = world.commit({ groupId: "g", topics: [{ name: "t", partitions }] })
    expect(errors(committed)).toEqual([NONE, ErrorCode.OFFSET_METADATA_TOO_LARGE, NONE])
    expect(world.fetched("g", "t", 0)?.metadata).toBe("four")
    expect(world.fetched("g", "t", 1)?.committedOffset).toBe(-1)
    expect(world.fetched("g", "t", 2)?.metadata).toBe("")
  })

  test("by topic id from version 10 on, both ways", () => {
    const world = new World()
    const topicId = world.topics.create("x")
    const other = "f".repeat(32)
    const partitions = [{ partitionIndex: 0, committedOffset: 20 }]
    const topics = [topicId, other].map((id) => ({ topicId: id, partitions }))
    const answer = world.commit({ groupId: "g", topics }, { apiVersion: 10 }).now
    expect(answer.topics).toMatchObject([
      { topicId: other, partitions: [{ errorCode: UNKNOWN_TOPIC_ID }] },
      { topicId, partitions: [{ errorCode: NONE }] },
    ])
    expect(world.fetched("g", "x")?.committedOffset).toBe(20)
    const asked = [other, topicId].map((id) => ({ name: "", topicId: id, partitionIndexes: [0] }))
    const group = { groupId: "g", memberId: null, memberEpoch: -1, topics: asked }
    const found = world.coordinator.fetchOffsets(group, world.origin({ apiVersion: 10 }))
    expect(found.topics).toMatchObject([
      { topicId, partitions: [{ committedOffset: 20, errorCode: NONE }] },
      { topicId: other, partitions: [{ committedOffset: -1, errorCode: UNKNOWN_TOPIC_ID }] },
    ])
    expect(all(world, "g", 10)).toMatchObject([{ topicId, partitions: [{ committedOffset: 20 }] }])
  })

  test("all that a group has", () => {
    const world = new World()
    world.topics.create("u")
    world.commitOffset("g", 0, 1)
    world.commitOffset("g", 2, 3)
    world.commitOffset("g", 0, 4, { topic: "u" })
    expect(all(world, "g")).toMatchObject([
      { name: "t", partitions: [{ partitionIndex: 0 }, { partitionIndex: 2 }] },
      { name: "u", partitions: [{ partitionIndex: 0, committedOffset: 4 }] },
    ])
    expect(all(world, "none")).toEqual([])
  })
})

describe("OffsetDelete", () => {
  test("removes what is stored, and says so of what is not", () => {
    const world = new World()
    world.commitOffset("g", 0, 5)
    world.commitOffset("g", 1, 5)
    const answer = remove(world, "g", "t", 0, 2, 7)
    expect(answer.errorCode).toBe(NONE)
    expect(answer.topics?.[0]?.partitions).toEqual([
      { partitionIndex: 7, errorCode: UNKNOWN_TOPIC_OR_PARTITION },
      { partitionIndex: 0, errorCode: NONE },
      { partitionIndex: 2, errorCode: NONE },
    ])
    expect(world.fetched("g", "t", 0)?.committedOffset).toBe(-1)
    expect(world.fetched("g", "t", 1)?.committedOffset).toBe(5)
  })

  test("not of a topic that members read, nor of members that cannot be read", () => {
    const world = new World()
    world.topics.create("u")
    const { memberId } = world.soleMember("g")
    world.commitOffset("g", 0, 5, { ...member(1, memberId), topic: "u" })
    expect(remove(world, "g", "t", 0).topics?.[0]?.partitions?.[0]?.errorCode).toBe(
      ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC,
    )
    expect(remove(world, "g", "u", 0).topics?.[0]?.partitions?.[0]?.errorCode).toBe(NONE)
    world.soleMember("c", {
      protocolType: "connect",
      protocols: [{ name: "x", metadata: bytes("") }],
    })
    const refused = { errorCode: ErrorCode.NON_EMPTY_GROUP, topics: [] }
    expect(remove(world, "c", "t", 0)).toEqual(refused)
  })

  test("a simple group stays without offsets, until groups are looked at", () => {
    const world = new World()
    world.commitOffset("g", 0, 5)
    world.commitOffset("g", 1, 5)
    const listed = () => world.coordinator.listGroups({ states: [], types: [] })
    expect(remove(world, "g", "t", 0, 0, 1).errorCode).toBe(NONE)
    expect(all(world, "g")).toEqual([])
    const simple = { groupId: "g", protocolType: "", groupState: "Empty", groupType: "classic" }
    expect(listed()).toEqual([simple])
    world.failOver()
    expect(remove(world, "g", "t", 0).errorCode).toBe(NONE)
    expect(errors(world.commitOffset("g", 0, 6))).toEqual([NONE])
    expect(remove(world, "g", "t", 0).errorCode).toBe(NONE)
    world.pass(600_000, 10_000)
    expect(listed()).toEqual([])
  })

  test("of a group that is not there", () => {
    const refused = { errorCode: ErrorCode.GROUP_ID_NOT_FOUND, topics: [] }
    expect(remove(new World(), "none", "t", 0)).toEqual(refused)
  })
})

describe("DeleteGroups", () => {
  test("an empty group goes with its offsets, one with members stays", () => {
    const world = new World()
    const { memberId } = world.soleMember("g")
    world.commitOffset("g", 0, 5, member(1, memberId))
    expect(world.deleteGroup("g").now).toBe(ErrorCode.NON_EMPTY_GROUP)
    world.leave({ groupId: "g", members: [{ memberId }] })
    expect(world.deleteGroup("g").now).toBe(NONE)
    expect(world.deleteGroup("g").now).toBe(ErrorCode.GROUP_ID_NOT_FOUND)
    expect(world.fetched("g")?.committedOffset).toBe(-1)
    expect(world.coordinator.listGroups({ states: [], types: [] })).toEqual([])
    expect(world.soleMember("g").generationId).toBe(1)
  })

  test("a simple group as well", () => {
    const world = new World()
    world.commitOffset("s", 0, 5)
    expect(world.deleteGroup("s").now).toBe(NONE)
    expect(world.fetched("s")?.committedOffset).toBe(-1)
  })

  test("more offsets than fit one batch, and nobody in between", () => {
    const world = new World()
    world.topics.create("big", 12_000)
    const partitions = Array.from({ length: 12_000 }, (_, partitionIndex) => {
      return { partitionIndex, committedOffset: 1 }
    })
    world.commit({ groupId: "g", topics: [{ name: "big", partitions }] })
    world.autoCommit = false
    const deleted = world.deleteGroup("g")
    const joined = world.join({ groupId: "g" })
    world.commitOne()
    world.commitOne()
    expect([deleted.isOpen, joined.isOpen]).toEqual([true, true])
    world.commitOne()
    expect(deleted.now).toBe(NONE)
    expect(all(world, "g")).toEqual([])
  })
})

describe("retention of offsets", () => {
  const minuteMs = 60_000
  const settings = { offsetsRetentionMinutes: 10, offsetsRetentionCheckIntervalMs: minuteMs }
  const pass = (world: World, minutes: number) => world.pass(minutes * minuteMs, 1_000)

  test("of a simple group: counted from each commit", () => {
    const world = new World(settings)
    world.commitOffset("s", 0, 5)
    pass(world, 5)
    world.commitOffset("s", 1, 5)
    pass(world, 6)
    expect(world.fetched("s", "t", 0)?.committedOffset).toBe(-1)
    expect(world.fetched("s", "t", 1)?.committedOffset).toBe(5)
    pass(world, 5)
    expect(world.fetched("s", "t", 1)?.committedOffset).toBe(-1)
    expect(world.coordinator.listGroups({ states: [], types: [] })).toEqual([])
  })

  test("of a group with members: counted since it is empty, and then the group goes too", () => {
    const world = new World(settings)
    const { memberId } = world.soleMember("g", { sessionTimeoutMs: 30 * minuteMs })
    world.commitOffset("g", 0, 5, member(1, memberId))
    pass(world, 20)
    expect(world.fetched("g")?.committedOffset).toBe(5)
    world.leave({ groupId: "g", members: [{ memberId }] })
    pass(world, 9)
    expect(world.fetched("g")?.committedOffset).toBe(5)
    pass(world, 2)
    expect(world.fetched("g")?.committedOffset).toBe(-1)
    const described = world.coordinator.describeGroup("g", world.origin({ apiVersion: 5 }))
    expect(described.groupState).toBe("Dead")
  })

  test("of a topic that the members do not read any more: counted from the commit", () => {
    const world = new World(settings)
    world.topics.create("u")
    const { memberId } = world.soleMember("g", { sessionTimeoutMs: 60 * minuteMs })
    world.commitOffset("g", 0, 5, member(1, memberId))
    world.commitOffset("g", 0, 6, { ...member(1, memberId), topic: "u" })
    pass(world, 12)
    expect(world.fetched("g", "t")?.committedOffset).toBe(5)
    expect(world.fetched("g", "u")?.committedOffset).toBe(-1)
  })

  test("that a client asked for itself, up to version 4", () => {
    const world = new World(settings)
    const partitions = [{ partitionIndex: 0, committedOffset: 5 }]
    const topics = [{ name: "t", partitions }]
    world.commit({ groupId: "s", retentionTimeMs: 2 * minuteMs, topics }, { apiVersion: 2 })
    pass(world, 1)
    expect(world.fetched("s")?.committedOffset).toBe(5)
    pass(world, 2)
    expect(world.fetched("s")?.committedOffset).toBe(-1)
  })

  test("goes on after a failover", () => {
    const world = new World(settings)
    world.commitOffset("s", 0, 5)
    pass(world, 9)
    world.failOver()
    pass(world, 3)
    expect(world.fetched("s")?.committedOffset).toBe(-1)
  })

  test("is counted by the wall clock, and the sessions beside it are not", () => {
    const world = new World(settings)
    const { memberId } = world.soleMember("g", { sessionTimeoutMs: 10 * minuteMs })
    world.commitOffset("s", 0, 5)
    world.wallAheadMs = 9 * minuteMs
    pass(world, 2)
    expect(world.fetched("s")?.committedOffset).toBe(-1)
    world.commitOffset("g", 0, 7, member(1, memberId))
    expect(world.fetched("g")?.committedOffset).toBe(7)
  })

  test("many groups are looked at a few per tick", () => {
    const world = new World(settings)
    for (let i = 0; i < 500; i++) world.commitOffset(`s${i}`, 0, 5)
    world.pass(11 * minuteMs, 11 * minuteMs)
    expect(world.coordinator.listGroups({ states: [], types: [] })).toHaveLength(300)
    world.pass(200)
    expect(world.coordinator.listGroups({ states: [], types: [] })).toHaveLength(0)
  })
})

describe("a deleted topic", () => {
  test("takes its offsets with it", () => {
    const world = new World()
    world.topics.create("u")
    world.commitOffset("g", 0, 5)
    world.commitOffset("g", 0, 6, { topic: "u" })
    world.commitOffset("h", 1, 7)
    world.topics.delete("t")
    world.coordinator.topicsChanged(world.nowMs)
    world.settle()
    expect(tombstones(world)).toHaveLength(1)
    expect(all(world, "g")).toMatchObject([{ name: "u" }])
    expect(all(world, "h")).toEqual([])
  })

  test("made again under its name starts without any, before and after its offsets are gone", () => {
    const world = new World()
    world.commitOffset("g", 0, 5)
    world.topics.delete("t")
    world.topics.create("t")
    expect(world.fetched("g")?.committedOffset).toBe(-1)
    expect(all(world, "g")).toEqual([])
    world.commitOffset("g", 1, 8)
    world.coordinator.topicsChanged(world.nowMs)
    world.settle()
    expect(tombstones(world)).toHaveLength(1)
    expect(world.fetched("g", "t", 0)?.committedOffset).toBe(-1)
    expect(world.fetched("g", "t", 1)?.committedOffset).toBe(8)
  })

  test("is noticed by the next coordinator, if it was deleted in between", () => {
    const world = new World()
    world.commitOffset("g", 0, 5)
    world.coordinator.resigned()
    world.topics.delete("t")
    world.topics.create("t")
    world.failOver()
    expect(tombstones(world)).toHaveLength(1)
    expect(world.fetched("g")?.committedOffset).toBe(-1)
  })

  test("whose tombstones could not be stored is tried again", () => {
    const world = new World({ offsetsRetentionCheckIntervalMs: 60_000 })
    world.commitOffset("g", 0, 5)
    world.autoCommit = false
    world.topics.delete("t")
    world.coordinator.topicsChanged(world.nowMs)
    world.commitOne(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    world.autoCommit = true
    world.pass(61_000, 1_000)
    expect(all(world, "g")).toEqual([])
  })

  test("is not taken for deleted by a coordinator that has not heard of it yet", () => {
    const world = new World()
    world.commitOffset("g", 0, 5)
    const { version } = world.topics
    const later = world.topics.create("u")
    world.commitOffset("g", 0, 6, { topic: "u" })
    const before = world.log.length
    // The next coordinator's image is of before the topic.
    world.topics.delete("u")
    world.topics.version = version
    world.failOver()
    world.coordinator.topicsChanged(world.nowMs)
    expect([world.pending, world.log.length]).toEqual([0, before])
    const asked = { groupId: "g", memberId: null, memberEpoch: -1, topics: null }
    const { errorCode } = world.coordinator.fetchOffsets(asked, world.origin({ apiVersion: 8 }))
    expect(errorCode).toBe(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
    expect(errors(world.commitOffset("g", 0, 7))).toEqual([ErrorCode.COORDINATOR_LOAD_IN_PROGRESS])
    world.topics.restore("u", later)
    world.coordinator.topicsChanged(world.nowMs)
    expect(world.fetched("g", "u")?.committedOffset).toBe(6)
  })

  test("goes by its name where the record has no id", () => {
    const world = new World()
    const key = { groupId: "g", topic: "t", partition: 0 }
    const rest = { leaderEpoch: -1, metadata: "", commitTimestamp: 1, topicId: zeroUuid }
    const expireTimestamp = world.nowMs + 60_000
    world.write(encodeOffset(key, { offset: 5, ...rest, expireTimestamp }))
    expect(world.fetched("g")?.committedOffset).toBe(5)
    world.coordinator.topicsChanged(world.nowMs)
    expect(world.pending).toBe(0)
    world.topics.delete("t")
    world.coordinator.topicsChanged(world.nowMs)
    world.settle()
    expect(tombstones(world)).toHaveLength(1)
  })
})
