import { describe, expect, test } from "bun:test"
import { ErrorCode } from "../../src/protocol/error-codes.ts"
import { bytes, subscription, World } from "./world.ts"

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

describe("joining a group", () => {
  test("before version 4 a member is let in at once, with an id of Kafka's form", () => {
    const world = new World()
    const joined = world.join({ groupId: "g" }, { apiVersion: 3, clientId: "golden" }).now
    const { memberId } = joined
    expect(memberId).toStartWith("golden-")
    expect(memberId).toMatch(uuid)
    expect(joined).toEqual({
      errorCode: ErrorCode.NONE,
      generationId: 1,
      protocolType: "consumer",
      protocolName: "range",
      leader: memberId,
      memberId,
      members: [{ memberId, groupInstanceId: null, metadata: subscription("t") }],
    })
  })

  test("from version 4 on it is told its id first", () => {
    const world = new World()
    const first = world.join({ groupId: "g" }).now
    expect(first.errorCode).toBe(ErrorCode.MEMBER_ID_REQUIRED)
    expect(first.protocolName).toBeNull()
    const { memberId } = first
    const second = world.join({ groupId: "g", memberId }).now
    expect(second).toMatchObject({ errorCode: 0, generationId: 1, memberId, leader: memberId })
    const old = world.join({ groupId: "h" }, { apiVersion: 4 }).now
    expect(old.errorCode).toBe(ErrorCode.MEMBER_ID_REQUIRED)
    expect(old.protocolName).toBe("")
  })

  test("a new group is stored before anybody is told of it", () => {
    const world = new World()
    world.autoCommit = false
    const first = world.join({ groupId: "g" })
    expect(first.isOpen).toBe(true)
    world.commitOne()
    expect(first.now.errorCode).toBe(ErrorCode.MEMBER_ID_REQUIRED)
    const other = world.join({ groupId: "h" })
    world.commitOne(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    expect(other.now.errorCode).toBe(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    expect(world.coordinator.listGroups({ states: [], types: [] })).toHaveLength(1)
  })

  test("what is refused, and how", () => {
    const world = new World()
    const { memberId } = world.soleMember("g")
    const other = { protocols: [{ name: "other", metadata: bytes("x") }] }
    const cases = [
      [{ memberId: "", ...other }, ErrorCode.INCONSISTENT_GROUP_PROTOCOL, ""],
      [{ memberId, protocolType: "connect" }, ErrorCode.INCONSISTENT_GROUP_PROTOCOL, memberId],
      [{ memberId, protocols: [] }, ErrorCode.INCONSISTENT_GROUP_PROTOCOL, memberId],
      [{ memberId: "who-3" }, ErrorCode.UNKNOWN_MEMBER_ID, "who-3"],
      [{ memberId, groupInstanceId: "i" }, ErrorCode.UNKNOWN_MEMBER_ID, memberId],
    ] as const
    for (const [input, errorCode, answered] of cases) {
      const refused = world.join({ groupId: "g", ...input }).now
      expect(refused).toEqual({ memberId: answered, errorCode, protocolName: null })
    }
    const unknown = world.join({ groupId: "none", memberId: "who" }).now
    expect(unknown.errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
    const noType = world.join({ groupId: "new", protocolType: "" }).now
    expect(noType.errorCode).toBe(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    // None of it disturbed the member.
    expect(world.heartbeat({ groupId: "g", memberId, generationId: 1 }).now.errorCode).toBe(0)
  })

  test("a promised id is forgotten after the session timeout", () => {
    const world = new World()
    const { memberId } = world.join({ groupId: "g" }).now
    world.pass(9_900)
    expect(world.join({ groupId: "g", memberId }).now.errorCode).toBe(0)
    const late = world.join({ groupId: "h" }).now
    world.pass(10_100)
    const errorCode = world.join({ groupId: "h", memberId: late.memberId }).now.errorCode
    expect(errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
  })

  test("the first rebalance waits for others, longer as they come, never over the timeout", () => {
    const world = new World({ groupInitialRebalanceDelayMs: 3_000 })
    const first = world.join({ groupId: "g", rebalanceTimeoutMs: 7_000 }, { apiVersion: 3 })
    world.pass(2_000)
    const second = world.join({ groupId: "g", rebalanceTimeoutMs: 7_000 }, { apiVersion: 3 })
    world.pass(1_000)
    expect(first.isOpen).toBe(true)
    const third = world.join({ groupId: "g", rebalanceTimeoutMs: 7_000 }, { apiVersion: 3 })
    world.pass(3_000)
    expect(first.isOpen).toBe(true)
    world.pass(1_000)
    for (const { now } of [first, second, third]) expect(now.generationId).toBe(1)
    expect(first.now.members).toHaveLength(3)
    expect(second.now.members).toEqual([])
    expect(third.now.leader).toBe(first.now.memberId)
  })

  test("alone it waits for the delay and no longer", () => {
    const world = new World({ groupInitialRebalanceDelayMs: 3_000 })
    const first = world.join({ groupId: "g" }, { apiVersion: 3 })
    world.pass(2_900)
    expect(first.isOpen).toBe(true)
    world.pass(100)
    expect(first.now.generationId).toBe(1)
  })

  test("a second member rebalances the first, who keeps the lead", () => {
    const world = new World()
    const { memberId } = world.soleMember("g")
    const second = world.join({ groupId: "g" }, { apiVersion: 3 })
    expect(second.isOpen).toBe(true)
    const beat = world.heartbeat({ groupId: "g", memberId, generationId: 1 }).now
    expect(beat.errorCode).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
    const first = world.join({ groupId: "g", memberId })
    expect(first.now).toMatchObject({ generationId: 2, leader: memberId, memberId })
    expect(second.now).toMatchObject({ generationId: 2, leader: memberId, members: [] })
    expect(first.now.members?.map((one) => one.memberId)).toEqual([memberId, second.now.memberId])
  })

  test("a pending member is waited for", () => {
    const world = new World()
    const { memberId } = world.soleMember("g")
    const { memberId: promised } = world.join({ groupId: "g" }).now
    const first = world.join({ groupId: "g", memberId })
    expect(first.isOpen).toBe(true)
    const second = world.join({ groupId: "g", memberId: promised })
    expect(first.now.generationId).toBe(2)
    expect(second.now.generationId).toBe(2)
  })

  test("a pending member that does not come is waited for as long as its session", () => {
    const world = new World()
    const { memberId } = world.soleMember("g", { sessionTimeoutMs: 60_000 })
    world.join({ groupId: "g" })
    const first = world.join({ groupId: "g", memberId, sessionTimeoutMs: 60_000 })
    world.pass(9_900)
    expect(first.isOpen).toBe(true)
    world.pass(200)
    expect(first.now.generationId).toBe(2)
  })

  test("who does not join in time is out; the lead goes to someone who did", () => {
    const world = new World()
    const rest = { sessionTimeoutMs: 100_000, rebalanceTimeoutMs: 5_000 }
    const { memberId } = world.soleMember("g", rest)
    const second = world.join({ groupId: "g", ...rest }, { apiVersion: 3 })
    world.pass(4_900)
    expect(second.isOpen).toBe(true)
    world.pass(100)
    const { now } = second
    expect(now).toMatchObject({ generationId: 2, leader: now.memberId })
    expect(now.members).toHaveLength(1)
    const gone = world.heartbeat({ groupId: "g", memberId, generationId: 2 }).now
    expect(gone.errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
  })

  test("version 0 has its session timeout for a rebalance timeout", () => {
    const world = new World()
    const rest = { sessionTimeoutMs: 6_000 }
    world.join({ groupId: "g", ...rest, rebalanceTimeoutMs: -1 }, { apiVersion: 0 })
    const second = world.join({ groupId: "g", ...rest, rebalanceTimeoutMs: -1 }, { apiVersion: 0 })
    world.pass(5_900)
    expect(second.isOpen).toBe(true)
    world.pass(200)
    expect(second.now.generationId).toBe(2)
  })

  test("the protocol that most prefer, of those that all know", () => {
    const world = new World({ groupInitialRebalanceDelayMs: 1_000 })
    const knows = (...names: ReadonlyArray<string>) =>
      world.join(
        { groupId: "g", protocols: names.map((name) => ({ name, metadata: bytes(name) })) },
        { apiVersion: 3 },
      )
    const members = [knows("a", "b", "c"), knows("b", "c"), knows("c", "b", "d"), knows("c", "b")]
    world.pass(4_000)
    expect(members.map(({ now }) => now.protocolName)).toEqual(["b", "b", "b", "b"])
    expect(members[0]?.now.members?.[2]?.metadata).toEqual(bytes("b"))
    const none = world.join(
      { groupId: "g", protocols: [{ name: "a", metadata: bytes("a") }] },
      { apiVersion: 3 },
    )
    expect(none.now.errorCode).toBe(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
  })

  test("rejoining in a stable group: the leader rebalances, a follower only with news", () => {
    const world = new World()
    const { memberId } = world.soleMember("g")
    const follower = world.join({ groupId: "g" }, { apiVersion: 3 })
    world.join({ groupId: "g", memberId })
    const followerId = follower.now.memberId ?? ""
    const assignments = [{ memberId: followerId, assignment: bytes("f") }]
    world.sync({ groupId: "g", memberId: followerId, generationId: 2 })
    world.sync({ groupId: "g", memberId, generationId: 2, assignments })
    const same = world.join({ groupId: "g", memberId: followerId }).now
    expect(same).toMatchObject({ generationId: 2, leader: memberId, members: [] })
    const news = [{ name: "range", metadata: subscription("t", "u") }]
    const changed = world.join({ groupId: "g", memberId: followerId, protocols: news })
    expect(changed.isOpen).toBe(true)
    expect(world.join({ groupId: "g", memberId }).now.generationId).toBe(3)
    expect(changed.now.generationId).toBe(3)
    // In the middle of it: the same metadata gets the same answer, other metadata a new round.
    expect(world.join({ groupId: "g", memberId }).now.members).toHaveLength(2)
    const again = world.join({ groupId: "g", memberId: followerId })
    expect(again.isOpen).toBe(true)
  })

  test("a second JoinGroup of one member answers the first", () => {
    const world = new World()
    const { memberId } = world.soleMember("g")
    world.join({ groupId: "g" }, { apiVersion: 3 })
    const { memberId: promised } = world.join({ groupId: "g" }).now
    const once = world.join({ groupId: "g", memberId })
    const twice = world.join({ groupId: "g", memberId })
    expect(once.now.errorCode).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
    expect(twice.isOpen).toBe(true)
    world.leave({ groupId: "g", members: [{ memberId: promised }] })
    expect(twice.now.generationId).toBe(2)
    expect([once.count, twice.count]).toEqual([1, 1])
  })

  test("group.max.size", () => {
    const world = new World({ groupMaxSize: 2 })
    const { memberId } = world.soleMember("g")
    const second = world.join({ groupId: "g" }, { apiVersion: 3 })
    expect(world.join({ groupId: "g", memberId }).now.generationId).toBe(2)
    expect(second.now.generationId).toBe(2)
    const third = world.join({ groupId: "g" }, { apiVersion: 3 }).now
    expect(third.errorCode).toBe(ErrorCode.GROUP_MAX_SIZE_REACHED)
  })

  test("a group that is found too large shrinks to those who join first", () => {
    const world = new World({ groupMaxSize: 3 })
    const { memberId } = world.soleMember("g")
    const others = [1, 2].map(() => world.join({ groupId: "g" }, { apiVersion: 3 }))
    world.join({ groupId: "g", memberId })
    const ids = [memberId, ...others.map(({ now }) => now.memberId ?? "")]
    for (const id of ids) world.sync({ groupId: "g", memberId: id, generationId: 2 })
    world.settings = { ...world.settings, groupMaxSize: 2 }
    world.failOver()
    const beat = world.heartbeat({ groupId: "g", memberId, generationId: 2 }).now
    expect(beat.errorCode).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
    const again = ids.map((id) => world.join({ groupId: "g", memberId: id }))
    expect(again[2]?.now.errorCode).toBe(ErrorCode.GROUP_MAX_SIZE_REACHED)
    world.pass(60_000)
    expect(again[0]?.now.members).toHaveLength(2)
  })
})
