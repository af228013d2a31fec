import { describe, expect, test } from "bun:test"
import {
  decodeAssignment,
  encodeAssignment,
} from "../../../src/coordinator/consumer/embedded-protocol.ts"
import type { GroupSettings } from "../../../src/coordinator/settings.ts"
import { ErrorCode } from "../../../src/protocol/error-codes.ts"
import { bytes } from "../world.ts"
import { ConsumerWorld, copyOf, given, owns, wipe } from "./consumer-world.ts"
import { encodeSubscription } from "./fake-clients.ts"

const world = (settings: Partial<GroupSettings> = {}) =>
  new ConsumerWorld({ groupConsumerAssignmentIntervalMs: 0, ...settings })

const protocols = [{ name: "range", metadata: encodeSubscription(["t"]) }]
const places = (assignment: Uint8Array | undefined) =>
  decodeAssignment(assignment ?? bytes(""))?.partitions

/** A classic group with one member who has everything of `t`. */
function classic(made: ConsumerWorld, rest: Parameters<ConsumerWorld["join"]>[0] = {}) {
  const joined = made.join({ groupId: "g", protocols, ...rest }, { apiVersion: 3 }).now
  const { memberId = "", generationId = -1 } = joined
  const assignment = encodeAssignment(3, [{ topic: "t", partitions: [0, 1, 2] }])
  const assignments = [{ memberId, assignment }]
  expect(made.sync({ groupId: "g", memberId, generationId, assignments }).now.errorCode).toBe(0)
  return { memberId, generationId }
}

const refusal = (made: ConsumerWorld) => made.joinAs("b").errorMessage

describe("upgrade", () => {
  test("a classic member keeps its partitions until it has heard of the newcomer", () => {
    const made = world()
    const { memberId, generationId } = classic(made)
    const joined = made.joinAs("b")
    expect(joined).toMatchObject({ errorCode: 0, memberEpoch: generationId + 1 })
    expect(given(joined)).toEqual([])
    expect(made.assignments()).toMatchObject({ [memberId]: "t:0,1,2", b: "" })
    expect(
      made
        .describeGroup()
        .members?.map(({ memberType }) => memberType)
        .sort(),
    ).toEqual([0, 1])

    const beat = () => made.heartbeat({ groupId: "g", memberId, generationId }).now.errorCode
    expect(beat()).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
    // It gave up all, and says that it has nothing: what is not its target is free.
    const again = made.join({ groupId: "g", memberId, protocols }).now
    expect(again).toMatchObject({
      errorCode: 0,
      generationId: generationId + 1,
      protocolType: "consumer",
      protocolName: "range",
    })
    expect(again.members ?? []).toEqual([])
    const claim = { groupId: "g", memberId, generationId: generationId + 1 }
    const synced = made.sync({ ...claim, protocolType: "consumer", protocolName: "range" }).now
    const kept = places(synced.assignment)?.[0]?.partitions ?? []
    const gained = given(made.beat({ memberId: "b", memberEpoch: generationId + 1 }).now) ?? []
    expect([...kept, ...gained].sort((a, b) => a - b)).toEqual([0, 1, 2])
    expect(made.heartbeat(claim).now.errorCode).toBe(ErrorCode.NONE)
    expect(made.describeGroup().groupState).toBe("Stable")
  })

  test("those who wait for a rebalance are told to join again", () => {
    const made = world({ groupInitialRebalanceDelayMs: 3_000 })
    const waiting = made.join({ groupId: "g", protocols }, { apiVersion: 3 })
    expect(waiting.isOpen).toBe(true)
    expect(made.joinAs("b").errorCode).toBe(0)
    expect(waiting.now.errorCode).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
    expect(made.describeGroup().members).toHaveLength(2)
  })

  test("cooperative members have what they say while a rebalance has their assignments", () => {
    const made = world()
    const { memberId, generationId } = classic(made)
    const join = { groupId: "g", protocols }
    const second = made.join(join, { apiVersion: 3 })
    const all = new Set(["t:0", "t:1", "t:2"])
    const metadata = encodeSubscription(["t"], all, generationId)
    made.join({ ...join, memberId, protocols: [{ name: "range", metadata }] })
    expect(second.now.errorCode).toBe(ErrorCode.NONE)
    made.join(join, { apiVersion: 3 })
    expect(given(made.joinAs("b"))).toEqual([])
    expect(made.assignments()).toMatchObject({ [memberId]: "t:0,1,2", b: "" })
  })

  test("an empty classic group is replaced, its offsets stay", () => {
    const made = world()
    const { memberId, generationId } = classic(made)
    const rest = { memberId, generationIdOrMemberEpoch: generationId }
    made.commitOffset("g", 1, 42, rest)
    made.leave({ groupId: "g", members: [{ memberId }] })
    expect(made.joinAs("b")).toMatchObject({ errorCode: 0, memberEpoch: 2 })
    expect(made.fetched("g", "t", 1)).toMatchObject({ committedOffset: 42 })
    expect(made.standing()).not.toContain("GroupMetadata")
  })

  test("classic sessions go on", () => {
    const made = world()
    classic(made)
    made.joinAs("b")
    made.pass(10_100)
    expect(made.assignments()).toEqual({ b: "" })
    expect(given(made.beat({ memberId: "b", memberEpoch: 2 }).now)).toEqual([0, 1, 2])
  })

  test("not where the policy says no", () => {
    const made = world({ groupConsumerMigrationPolicy: "downgrade" })
    classic(made)
    expect(refusal(made)).toBe(
      "Cannot upgrade classic group g to consumer group because online upgrade is disabled.",
    )
  })

  test("not where members are no consumers, or say what nobody understands", () => {
    const other = world()
    classic(other, { protocolType: "connect" })
    expect(refusal(other)).toContain("does not use the consumer embedded protocol")
    const opaque = world()
    classic(opaque, { protocols: [{ name: "range", metadata: bytes("?") }] })
    expect(refusal(opaque)).toContain("the embedded consumer protocol is malformed")
    expect(opaque.joinAs("b").errorCode).toBe(ErrorCode.GROUP_ID_NOT_FOUND)
  })

  test("not under an assignor that hands out more than partitions", () => {
    const made = world()
    const joined = made.join({ groupId: "g", protocols }, { apiVersion: 3 }).now
    const { memberId = "", generationId = -1 } = joined
    const assignment = Buffer.concat([
      encodeAssignment(3, []).subarray(0, 6),
      Buffer.from("00000001ff", "hex"),
    ])
    made.sync({ groupId: "g", memberId, generationId, assignments: [{ memberId, assignment }] })
    expect(refusal(made)).toContain("an unsupported custom assignor is in use")
  })

  test("not past group.consumer.max.size", () => {
    const made = world({ groupConsumerMaxSize: 0 })
    classic(made)
    expect(refusal(made)).toContain("exceeds the consumer group maximum size")
  })

  test("only by who joins", () => {
    const made = world()
    classic(made)
    expect(made.beat({ memberId: "b", memberEpoch: 3 }).now).toEqual({
      errorCode: ErrorCode.GROUP_ID_NOT_FOUND,
      errorMessage: "Group g is not a consumer group.",
    })
    expect(made.beat({ memberId: "b", memberEpoch: -1 }).now.errorMessage).toBe(
      "Group g is not a consumer group.",
    )
  })
})

/** A consumer group, to be joined by classic members. */
const mixed = (settings: Partial<GroupSettings> = {}) => {
  const made = world(settings)
  made.joinAs("a")
  return made
}

describe("classic members of a consumer group", () => {
  test("a first JoinGroup gets an id, the second its generation", () => {
    const made = mixed()
    const first = made.join({ groupId: "g", protocols }).now
    expect(first).toMatchObject({ errorCode: ErrorCode.MEMBER_ID_REQUIRED })
    const second = made.join({ groupId: "g", protocols, memberId: first.memberId ?? "" }).now
    expect(second).toMatchObject({ errorCode: 0, generationId: 3, memberId: first.memberId })
    expect(made.describeGroup()).toMatchObject({ groupEpoch: 3, groupState: "Reconciling" })
  })

  test("it waits for what others revoke, and is told when to come back", () => {
    const made = mixed()
    const topicId = made.topics.topicId("t")!
    const { memberId = "", generationId = -1 } = made.join(
      { groupId: "g", protocols },
      { apiVersion: 3 },
    ).now
    const claim = { groupId: "g", memberId, generationId }
    expect(places(made.sync(claim).now.assignment)).toEqual([])
    expect(made.heartbeat(claim).now.errorCode).toBe(ErrorCode.NONE)
    const kept = given(made.beat({ memberId: "a", memberEpoch: 2 }).now) ?? []
    made.beat({ memberId: "a", memberEpoch: 2, topicPartitions: owns(topicId, ...kept) })
    expect(made.heartbeat(claim).now.errorCode).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
    const again = made.join({ groupId: "g", memberId, protocols }).now
    expect(again.generationId).toBe(generationId)
    expect(places(made.sync(claim).now.assignment)?.[0]?.partitions).toHaveLength(3 - kept.length)
    expect(made.heartbeat(claim).now.errorCode).toBe(ErrorCode.NONE)
  })

  test("who was told and does not come back in time is fenced", () => {
    const made = mixed()
    const joined = made.join(
      { groupId: "g", protocols, rebalanceTimeoutMs: 5_000, sessionTimeoutMs: 30_000 },
      { apiVersion: 3 },
    ).now
    const { memberId = "", generationId = -1 } = joined
    const claim = { groupId: "g", memberId, generationId }
    made.sync(claim)
    made.joinAs("b")
    expect(made.heartbeat(claim).now.errorCode).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
    made.pass(4_000)
    expect(made.heartbeat(claim).now.errorCode).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
    made.pass(1_100)
    expect(made.heartbeat(claim).now.errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
  })

  test("who joins and never syncs is fenced", () => {
    const made = mixed()
    const rest = { rebalanceTimeoutMs: 2_000, sessionTimeoutMs: 30_000 }
    made.join({ groupId: "g", protocols, ...rest }, { apiVersion: 3 })
    expect(made.describeGroup().members).toHaveLength(2)
    made.pass(2_100)
    expect(made.describeGroup().members).toHaveLength(1)
  })

  test.each([
    ["another protocol type", { protocolType: "connect" }],
    ["no protocol", { protocols: [] }],
  ])("refused: %s", (_, input) => {
    const answer = mixed().join({ groupId: "g", protocols, ...input })
    expect(answer.now.errorCode).toBe(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
  })

  test("a sync in a generation that is over sends it back", () => {
    const made = mixed()
    const { memberId = "", generationId = -1 } = made.join(
      { groupId: "g", protocols },
      { apiVersion: 3 },
    ).now
    const claim = { groupId: "g", memberId, generationId }
    made.sync(claim)
    made.joinAs("b")
    expect(made.sync(claim).now.errorCode).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
  })

  test("who has synced stays, for longer than a rebalance may take", () => {
    const made = mixed()
    const joined = made.join(
      { groupId: "g", protocols, rebalanceTimeoutMs: 2_000 },
      { apiVersion: 3 },
    ).now
    const { memberId = "", generationId = -1 } = joined
    const claim = { groupId: "g", memberId, generationId }
    made.sync(claim)
    for (let i = 0; i < 5; i++) {
      made.pass(1_000)
      expect(made.heartbeat(claim).now.errorCode).toBe(ErrorCode.NONE)
    }
  })

  test("version 0 of JoinGroup has the session timeout for both", () => {
    const made = mixed()
    const rest = { sessionTimeoutMs: 8_000, rebalanceTimeoutMs: -1 }
    made.join({ groupId: "g", protocols, ...rest }, { apiVersion: 0 })
    made.pass(7_900)
    expect(made.describeGroup().members).toHaveLength(2)
    made.pass(200)
    expect(made.describeGroup().members).toHaveLength(1)
  })

  test("refused: where groups do not migrate", () => {
    const made = mixed({ groupConsumerMigrationPolicy: "disabled" })
    const answer = made.join({ groupId: "g", protocols })
    expect(answer.now.errorCode).toBe(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
  })

  test("members of the consumer protocol have no generation", () => {
    const made = mixed()
    const claim = { groupId: "g", memberId: "a", generationId: 2 }
    expect(made.heartbeat(claim).now.errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
    expect(made.sync(claim).now.errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
  })

  test("a sync must name the protocol and the generation that it was given", () => {
    const made = mixed()
    const { memberId = "", generationId = -1 } = made.join(
      { groupId: "g", protocols },
      { apiVersion: 3 },
    ).now
    const claim = { groupId: "g", memberId, generationId }
    const sync = (rest: object) => made.sync({ ...claim, ...rest }).now.errorCode
    expect(sync({ protocolName: "sticky" })).toBe(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    expect(sync({ protocolType: "connect" })).toBe(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    expect(sync({ generationId: 1 })).toBe(ErrorCode.ILLEGAL_GENERATION)
    expect(sync({ memberId: "?" })).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
  })

  test("what they joined with is kept, whatever becomes of the bytes it came in", () => {
    const made = mixed()
    made.join({ groupId: "g", protocols }, { apiVersion: 3 })
    const bare = world()
    const lent = copyOf(made.compacted())
    bare.write(...lent)
    wipe(lent)
    expect(bare.stateBytes().equals(made.stateBytes())).toBe(true)
  })

  test("LeaveGroup removes members of either protocol", () => {
    const made = mixed()
    made.joinAs("b", { instanceId: "i" })
    made.joinAs("c")
    const left = made.leave({
      groupId: "g",
      members: [{ memberId: "a" }, { memberId: "", groupInstanceId: "i" }, { memberId: "?" }],
    }).now
    expect(left.members?.map(({ errorCode }) => errorCode)).toEqual([0, 0, 25])
    expect(Object.keys(made.assignments())).toEqual(["c"])
  })
})

describe("downgrade", () => {
  test("with the last member of the consumer protocol the group is classic again", () => {
    const made = world()
    made.joinAs("a")
    const { memberId = "", generationId = -1 } = made.join(
      { groupId: "g", protocols },
      { apiVersion: 3 },
    ).now
    made.sync({ groupId: "g", memberId, generationId })
    made.beat({ memberId: "a", memberEpoch: -1 })
    expect(made.describeGroup().errorMessage).toBe("Group g is not a consumer group.")
    const beat = () => made.heartbeat({ groupId: "g", memberId, generationId }).now.errorCode
    expect(beat()).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
    const joined = made.join({ groupId: "g", memberId, protocols }).now
    expect(joined).toMatchObject({ errorCode: 0, leader: memberId })
    expect(joined.generationId).toBeGreaterThan(generationId)
  })

  test("also when its session is over, and by a new coordinator", () => {
    const made = world()
    made.joinAs("a")
    const rest = { sessionTimeoutMs: 100_000, rebalanceTimeoutMs: 200_000 }
    made.join({ groupId: "g", protocols, ...rest }, { apiVersion: 3 })
    made.pass(40_000, 1_000)
    made.beat({ memberId: "a", memberEpoch: 2 })
    made.failOver()
    made.pass(45_100, 100)
    expect(made.coordinator.describeGroup("g", made.origin({ apiVersion: 5 }))).toMatchObject({
      groupState: "PreparingRebalance",
    })
  })

  test("a classic member takes the place of the last static one, without a rebalance", () => {
    const made = world()
    made.joinAs("a", { instanceId: "i" })
    const joined = made.join(
      { groupId: "g", protocols, groupInstanceId: "i" },
      { apiVersion: 9 },
    ).now
    const { memberId = "", generationId = -1 } = joined
    expect(joined).toMatchObject({ errorCode: 0, generationId: 2 })
    const claim = { groupId: "g", memberId, generationId, groupInstanceId: "i" }
    expect(places(made.sync(claim).now.assignment)).toEqual([{ topic: "t", partitions: [0, 1, 2] }])
    expect(made.describeGroup().errorCode).toBe(ErrorCode.GROUP_ID_NOT_FOUND)
    expect(made.heartbeat(claim).now.errorCode).toBe(ErrorCode.NONE)
    expect(made.standing()).toEqual(["GroupMetadata"])
  })

  test("with one if it subscribes to something else", () => {
    const made = world()
    made.topics.create("u")
    made.joinAs("a", { instanceId: "i" })
    const other = [{ name: "range", metadata: encodeSubscription(["u"]) }]
    const { memberId = "", generationId = -1 } = made.join({
      groupId: "g",
      protocols: other,
      groupInstanceId: "i",
    }).now
    const claim = { groupId: "g", memberId, generationId, groupInstanceId: "i" }
    expect(made.coordinator.describeGroup("g", made.origin({ apiVersion: 5 })).groupState).toBe(
      "PreparingRebalance",
    )
    expect(made.heartbeat(claim).now.errorCode).not.toBe(ErrorCode.NONE)
  })

  test("members keep all protocols that they know", () => {
    const made = world()
    made.joinAs("a")
    const metadata = encodeSubscription(["t"])
    const both = [
      { name: "range", metadata },
      { name: "roundrobin", metadata },
    ]
    const first = { groupId: "g", protocols: both }
    const { memberId = "" } = made.join(first, { apiVersion: 3 }).now
    made.beat({ memberId: "a", memberEpoch: -1 })
    const second = { groupId: "g", protocols: both.slice(1) }
    const waiting = made.join(second, { apiVersion: 3 })
    made.join({ ...first, memberId })
    expect(waiting.now).toMatchObject({ errorCode: 0, protocolName: "roundrobin" })
  })

  test("not where the policy says no: the group goes on with its classic members", () => {
    const made = world({ groupConsumerMigrationPolicy: "upgrade" })
    made.joinAs("a")
    made.join({ groupId: "g", protocols }, { apiVersion: 3 })
    made.beat({ memberId: "a", memberEpoch: -1 })
    expect(made.describeGroup().members?.map(({ memberType }) => memberType)).toEqual([0])
  })

  test("a group that comes back at once knows what its members still have", () => {
    const made = world()
    const { memberId } = classic(made)
    made.joinAs("a")
    expect(made.assignments("targetAssignment")[memberId]).not.toBe("t:0,1,2")
    made.beat({ memberId: "a", memberEpoch: -1 })
    expect(given(made.joinAs("b"))).toEqual([])
    expect(made.assignments()).toEqual({ [memberId]: "t:0,1,2", b: "" })
  })

  test("an empty consumer group becomes classic with its first classic member", () => {
    const made = world()
    made.joinAs("a")
    made.beat({ memberId: "a", memberEpoch: -1 })
    const { memberId } = classic(made)
    expect(made.describeGroup().errorMessage).toBe("Group g is not a consumer group.")
    expect(memberId).not.toBe("")
  })
})
