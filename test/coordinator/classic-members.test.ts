import { describe, expect, test } from "bun:test"
import { ErrorCode } from "../../src/protocol/error-codes.ts"
import { bytes, subscription, World } from "./world.ts"

/** Leader and follower, joined to generation 2 and not synced. */
const two = (world: World) => {
  const { memberId: leader } = world.soleMember("g")
  const joined = world.join({ groupId: "g" }, { apiVersion: 3 })
  world.join({ groupId: "g", memberId: leader })
  return { leader, follower: joined.now.memberId ?? "" }
}

const stableTwo = (world: World) => {
  const members = two(world)
  const { leader, follower } = members
  const assignments = [
    { memberId: leader, assignment: bytes("L") },
    { memberId: follower, assignment: bytes("F") },
  ]
  world.sync({ groupId: "g", memberId: follower, generationId: 2 })
  world.sync({ groupId: "g", memberId: leader, generationId: 2, assignments })
  return members
}

const state = (world: World, groupId = "g") =>
  world.coordinator.describeGroup(groupId, world.origin({ apiVersion: 6 })).groupState

describe("SyncGroup", () => {
  test("followers wait for the leader's assignment, and nobody before it is stored", () => {
    const world = new World()
    const { leader, follower } = two(world)
    world.autoCommit = false
    const waiting = world.sync({ groupId: "g", memberId: follower, generationId: 2 })
    const assignments = [{ memberId: follower, assignment: bytes("F") }]
    const leading = world.sync({ groupId: "g", memberId: leader, generationId: 2, assignments })
    expect([waiting.isOpen, leading.isOpen]).toEqual([true, true])
    expect(state(world)).toBe("CompletingRebalance")
    world.commitOne()
    const common = { errorCode: 0, protocolType: "consumer", protocolName: "range" }
    expect(waiting.now).toEqual({ ...common, assignment: bytes("F") })
    // Nothing for the leader itself: empty bytes, never null.
    expect(leading.now).toEqual({ ...common, assignment: new Uint8Array(0) })
    expect(state(world)).toBe("Stable")
  })

  test("in a stable group the assignment is told again", () => {
    const world = new World()
    const { follower } = stableTwo(world)
    const again = world.sync({ groupId: "g", memberId: follower, generationId: 2 }).now
    expect(again.assignment).toEqual(bytes("F"))
  })

  test("what is refused", () => {
    const world = new World()
    const { leader } = two(world)
    const good = { groupId: "g", memberId: leader, generationId: 2 }
    const cases = [
      [{ ...good, groupId: "none" }, ErrorCode.UNKNOWN_MEMBER_ID],
      [{ ...good, memberId: "who" }, ErrorCode.UNKNOWN_MEMBER_ID],
      [{ ...good, groupInstanceId: "i" }, ErrorCode.UNKNOWN_MEMBER_ID],
      [{ ...good, generationId: 1 }, ErrorCode.ILLEGAL_GENERATION],
      [{ ...good, generationId: 3 }, ErrorCode.ILLEGAL_GENERATION],
      [{ ...good, protocolName: "sticky" }, ErrorCode.INCONSISTENT_GROUP_PROTOCOL],
      [{ ...good, protocolType: "connect" }, ErrorCode.INCONSISTENT_GROUP_PROTOCOL],
    ] as const
    for (const [input, errorCode] of cases) {
      expect(world.sync(input).now).toEqual({ errorCode })
    }
    world.join({ groupId: "g" }, { apiVersion: 3 })
    expect(world.sync(good).now.errorCode).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
    expect(world.sync({ ...good, groupId: "simple" }).now.errorCode).toBe(25)
  })

  test("an assignment that cannot be stored makes everybody join again", () => {
    const world = new World()
    const { leader, follower } = two(world)
    world.autoCommit = false
    const waiting = world.sync({ groupId: "g", memberId: follower, generationId: 2 })
    const leading = world.sync({ groupId: "g", memberId: leader, generationId: 2 })
    world.commitOne(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    expect(waiting.now.errorCode).toBe(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    expect(leading.now.errorCode).toBe(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    expect(state(world)).toBe("PreparingRebalance")
  })

  test("a rebalance in between sends those who wait back to join", () => {
    const world = new World()
    const { follower } = two(world)
    const waiting = world.sync({ groupId: "g", memberId: follower, generationId: 2 })
    world.join({ groupId: "g" }, { apiVersion: 3 })
    expect(waiting.now).toEqual({ errorCode: ErrorCode.REBALANCE_IN_PROGRESS })
  })

  test("members that do not sync within the rebalance timeout are out", () => {
    const world = new World()
    const rest = { sessionTimeoutMs: 300_000, rebalanceTimeoutMs: 5_000 }
    const { memberId: leader } = world.soleMember("g", rest)
    const joined = world.join({ groupId: "g", ...rest }, { apiVersion: 3 })
    world.join({ groupId: "g", memberId: leader, ...rest })
    const follower = joined.now.memberId ?? ""
    world.sync({ groupId: "g", memberId: leader, generationId: 2 })
    expect(state(world)).toBe("Stable")
    world.pass(5_000)
    expect(state(world)).toBe("PreparingRebalance")
    const beat = world.heartbeat({ groupId: "g", memberId: follower, generationId: 2 }).now
    expect(beat.errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
    const rejoined = world.join({ groupId: "g", memberId: leader, ...rest }).now
    expect(rejoined).toMatchObject({ generationId: 3, errorCode: 0 })
  })
})

describe("sessions", () => {
  test("a member that is silent for its session timeout is out, and the others rebalance", () => {
    const world = new World()
    const { leader, follower } = stableTwo(world)
    for (let i = 0; i < 3; i++) {
      world.pass(4_000)
      const beat = world.heartbeat({ groupId: "g", memberId: leader, generationId: 2 }).now
      expect(beat.errorCode).toBe(i < 2 ? 0 : ErrorCode.REBALANCE_IN_PROGRESS)
    }
    const gone = world.heartbeat({ groupId: "g", memberId: follower, generationId: 2 }).now
    expect(gone.errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
    expect(world.join({ groupId: "g", memberId: leader }).now.members).toHaveLength(1)
  })

  test("who waits in JoinGroup is not expired", () => {
    const world = new World()
    const { leader } = stableTwo(world)
    // The follower heartbeats through a rebalance that the leader waits in.
    const waiting = world.join({ groupId: "g", memberId: leader, rebalanceTimeoutMs: 300_000 })
    world.pass(15_000)
    expect(waiting.now.generationId).toBe(3)
    expect(waiting.now.members).toHaveLength(1)
  })

  test("a new member's JoinGroup waits for five minutes at most", () => {
    const world = new World()
    const patient = { sessionTimeoutMs: 1_800_000, rebalanceTimeoutMs: 900_000 }
    world.join({ groupId: "g", groupInstanceId: "i", ...patient })
    const joining = world.join({ groupId: "g", ...patient }, { apiVersion: 3 })
    world.pass(299_000, 1_000)
    expect(joining.isOpen).toBe(true)
    world.pass(1_000)
    expect(joining.now.errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
  })

  test("heartbeats are answered by state", () => {
    const world = new World()
    const { leader, follower } = two(world)
    const beat = (rest: object = {}) =>
      world.heartbeat({ groupId: "g", memberId: follower, generationId: 2, ...rest }).now.errorCode
    expect(beat()).toBe(ErrorCode.NONE)
    expect(beat({ generationId: 1 })).toBe(ErrorCode.ILLEGAL_GENERATION)
    expect(beat({ memberId: "who" })).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
    expect(beat({ groupId: "none" })).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
    expect(beat({ groupInstanceId: "inst-9" })).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
    world.join({ groupId: "g", memberId: leader, protocols: [news] })
    expect(beat()).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
  })

  const news = { name: "range", metadata: subscription("t", "u") }

  test("heartbeats and refusals append nothing", () => {
    const world = new World()
    const { leader } = stableTwo(world)
    const before = world.log.length
    world.heartbeat({ groupId: "g", memberId: leader, generationId: 2 })
    world.heartbeat({ groupId: "g", memberId: "who", generationId: 2 })
    world.join({ groupId: "g", memberId: "who" })
    world.pass(5_000)
    expect(world.log.length).toBe(before)
  })

  test("the last one gone leaves an empty group, with the next generation stored", () => {
    const world = new World()
    world.soleMember("g")
    world.pass(10_000)
    expect(state(world)).toBe("Empty")
    world.failOver()
    expect(state(world)).toBe("Empty")
    expect(world.soleMember("g").generationId).toBe(3)
  })
})

describe("LeaveGroup", () => {
  test("members leave in one request, each with its own outcome", () => {
    const world = new World()
    const { leader, follower } = stableTwo(world)
    const members = [{ memberId: "who" }, { memberId: follower }, { groupInstanceId: "none" }]
    const left = world.leave({ groupId: "g", members }).now
    expect(left.members).toEqual([
      { memberId: "who", groupInstanceId: null, errorCode: ErrorCode.UNKNOWN_MEMBER_ID },
      { memberId: follower, groupInstanceId: null, errorCode: ErrorCode.NONE },
      { memberId: "", groupInstanceId: "none", errorCode: ErrorCode.UNKNOWN_MEMBER_ID },
    ])
    expect(state(world)).toBe("PreparingRebalance")
    expect(world.join({ groupId: "g", memberId: leader }).now.members).toHaveLength(1)
  })

  test("before version 3 the answer carries the error", () => {
    const world = new World()
    const { memberId } = world.soleMember("g")
    const leave = (id: string) => world.leave({ groupId: "g", memberId: id }, { apiVersion: 2 }).now
    expect(leave("who")).toEqual({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
    expect(leave(memberId)).toEqual({ errorCode: ErrorCode.NONE })
    expect(state(world)).toBe("Empty")
  })

  test("of a group that is not there", () => {
    const world = new World()
    const left = world.leave({ groupId: "none", members: [{ memberId: "m" }] }).now
    expect(left.members).toEqual([
      { memberId: "m", groupInstanceId: null, errorCode: ErrorCode.UNKNOWN_MEMBER_ID },
    ])
  })

  test("is answered when the empty group is stored", () => {
    const world = new World()
    const { memberId } = world.soleMember("g")
    world.autoCommit = false
    const left = world.leave({ groupId: "g", members: [{ memberId }] })
    expect(left.isOpen).toBe(true)
    world.commitOne()
    expect(left.now.members?.[0]?.errorCode).toBe(ErrorCode.NONE)
  })

  test("someone who waits in JoinGroup and is removed is told so", () => {
    const world = new World()
    world.soleMember("g")
    const joining = world.join({ groupId: "g", groupInstanceId: "i" })
    world.leave({ groupId: "g", members: [{ groupInstanceId: "i" }] })
    expect(joining.now.errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
  })
})

describe("static members", () => {
  test("need no second JoinGroup, and carry the instance in their id", () => {
    const world = new World()
    const joined = world.join({ groupId: "g", groupInstanceId: "inst-1" }).now
    expect(joined.errorCode).toBe(0)
    expect(joined.memberId).toStartWith("inst-1-")
    expect(joined.members).toMatchObject([{ groupInstanceId: "inst-1" }])
  })

  test("one that comes back to a stable group takes its place, and fences the old id", () => {
    const world = new World()
    const { memberId: old } = world.soleStatic()
    const back = world.join({ groupId: "g", groupInstanceId: "i" }).now
    expect(back).toMatchObject({ errorCode: 0, generationId: 1, skipAssignment: true })
    expect(back.memberId).not.toBe(old)
    expect(back.leader).toBe(back.memberId)
    expect(back.members).toHaveLength(1)
    const who = { groupId: "g", groupInstanceId: "i", memberId: old, generationId: 1 }
    expect(world.heartbeat(who).now.errorCode).toBe(ErrorCode.FENCED_INSTANCE_ID)
    expect(world.sync(who).now.errorCode).toBe(ErrorCode.FENCED_INSTANCE_ID)
    expect(world.join({ ...staticRequest, memberId: old }).now).toMatchObject({
      errorCode: ErrorCode.FENCED_INSTANCE_ID,
      memberId: old,
    })
    const commit = world.commitOffset("g", 0, 5, {
      memberId: old,
      groupInstanceId: "i",
      generationIdOrMemberEpoch: 1,
    })
    expect(commit.now.topics?.[0]?.partitions?.[0]?.errorCode).toBe(ErrorCode.FENCED_INSTANCE_ID)
    const left = world.leave({ groupId: "g", members: [{ memberId: old, groupInstanceId: "i" }] })
    expect(left.now.members?.[0]?.errorCode).toBe(ErrorCode.FENCED_INSTANCE_ID)
    const { memberId } = back
    const mine = world.sync({ groupId: "g", memberId, groupInstanceId: "i", generationId: 1 }).now
    expect(mine.assignment).toEqual(bytes("all"))
  })

  const staticRequest = { groupId: "g", groupInstanceId: "i" }

  test("before version 9 it is not told that it leads: the old id is", () => {
    const world = new World()
    const { memberId: old } = world.soleStatic()
    const back = world.join(staticRequest, { apiVersion: 5 }).now
    expect(back).toMatchObject({ generationId: 1, leader: old, members: [] })
    expect(back.skipAssignment ?? false).toBe(false)
  })

  test("the new id is stored before it is told, and taken back if that fails", () => {
    const world = new World()
    const { memberId: old } = world.soleStatic()
    world.autoCommit = false
    const back = world.join(staticRequest)
    expect(back.isOpen).toBe(true)
    world.commitOne(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    expect(back.now.errorCode).toBe(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    const beat = world.heartbeat({ ...staticRequest, memberId: old, generationId: 1 }).now
    expect(beat.errorCode).toBe(ErrorCode.NONE)
    const again = world.join(staticRequest)
    world.commitOne()
    expect(again.now.errorCode).toBe(0)
    world.autoCommit = true
    world.failOver()
    const { memberId } = again.now
    const mine = world.heartbeat({ ...staticRequest, memberId, generationId: 1 }).now
    expect(mine.errorCode).toBe(ErrorCode.NONE)
  })

  test("with other protocols it rebalances", () => {
    const world = new World()
    world.soleStatic()
    const protocols = [{ name: "sticky", metadata: subscription("t") }]
    const both = [...protocols, { name: "range", metadata: subscription("t") }]
    const back = world.join({ ...staticRequest, protocols: both }).now
    expect(back).toMatchObject({ generationId: 2, protocolName: "sticky" })
  })

  test("one that comes back before the assignment makes all join again", () => {
    const world = new World()
    const first = world.join(staticRequest).now
    const waiting = world.sync({ ...staticRequest, memberId: first.memberId, generationId: 9 })
    expect(waiting.now.errorCode).toBe(ErrorCode.ILLEGAL_GENERATION)
    expect(world.join(staticRequest).now).toMatchObject({ generationId: 2, errorCode: 0 })
  })

  test("who waits under the old id is fenced", () => {
    const world = new World()
    const { leader } = stableTwo(world)
    const joining = world.join({ ...staticRequest })
    expect(joining.isOpen).toBe(true)
    const again = world.join({ ...staticRequest })
    expect(joining.now.errorCode).toBe(ErrorCode.FENCED_INSTANCE_ID)
    world.leave({ groupId: "g", members: [{ memberId: leader }] })
    world.pass(60_000)
    expect(again.now.errorCode).toBe(0)
  })

  test("one that stays away keeps its place in a rebalance until its session ends", () => {
    const world = new World()
    const rest = { sessionTimeoutMs: 30_000, rebalanceTimeoutMs: 5_000 }
    world.join({ ...staticRequest, ...rest })
    const second = world.join({ groupId: "g", groupInstanceId: "j", ...rest })
    world.pass(5_000)
    expect(second.now.generationId).toBe(2)
    expect(second.now.members).toHaveLength(2)
  })

  test("that ask for no time to rebalance do not hold the coordinator up", () => {
    const world = new World()
    const hasty = { rebalanceTimeoutMs: 0, sessionTimeoutMs: 30_000 }
    const { memberId = "" } = world.join({ ...staticRequest, ...hasty }).now
    world.join({ groupId: "g", groupInstanceId: "j", ...hasty })
    world.pass(100)
    world.leave({ groupId: "g", members: [{ groupInstanceId: "j" }] })
    world.pass(5_000)
    expect(state(world)).toBe("PreparingRebalance")
    expect(world.lines.filter((line) => line.includes("waits on")).length).toBeLessThan(7)
    expect(world.join({ ...staticRequest, ...hasty, memberId }).now.errorCode).toBe(0)
  })

  test("is removed by its instance id alone", () => {
    const world = new World()
    world.soleStatic()
    const left = world.leave({ groupId: "g", members: [{ groupInstanceId: "i" }] }).now
    expect(left.members).toEqual([{ memberId: "", groupInstanceId: "i", errorCode: 0 }])
    expect(state(world)).toBe("Empty")
  })
})

describe("when leadership goes", () => {
  test("everybody who waits hears NOT_COORDINATOR, once", () => {
    const world = new World()
    const { follower } = two(world)
    const syncing = world.sync({ groupId: "g", memberId: follower, generationId: 2 })
    world.soleMember("h")
    const joining = world.join({ groupId: "h" }, { apiVersion: 3 })
    world.autoCommit = false
    const committing = world.commitOffset("s", 0, 5)
    const queued = world.commitOffset("s", 0, 6)
    world.coordinator.resigned()
    expect(syncing.now.errorCode).toBe(ErrorCode.NOT_COORDINATOR)
    expect(joining.now.errorCode).toBe(ErrorCode.NOT_COORDINATOR)
    for (const { now } of [committing, queued]) {
      const [topic] = now.topics ?? []
      expect(topic?.partitions?.[0]?.errorCode).toBe(ErrorCode.NOT_COORDINATOR)
    }
    world.commitOne()
    expect([syncing.count, joining.count, committing.count, queued.count]).toEqual([1, 1, 1, 1])
    const late = world.heartbeat({ groupId: "g", memberId: follower, generationId: 2 })
    expect(late.now.errorCode).toBe(ErrorCode.NOT_COORDINATOR)
    expect(world.coordinator.listGroups({ states: [], types: [] })).toEqual([])
  })

  test("the next coordinator has the generation that was stored, with a full session each", () => {
    const world = new World()
    const { leader, follower } = stableTwo(world)
    world.pass(9_000)
    world.failOver()
    world.pass(9_000)
    const beat = (memberId: string) =>
      world.heartbeat({ groupId: "g", memberId, generationId: 2 }).now.errorCode
    expect(beat(leader)).toBe(ErrorCode.NONE)
    expect(beat(follower)).toBe(ErrorCode.NONE)
    const again = world.sync({ groupId: "g", memberId: follower, generationId: 2 }).now
    expect(again.assignment).toEqual(bytes("F"))
    world.pass(10_000)
    expect(state(world)).toBe("Empty")
  })

  test("who is told by the next coordinator what it owns has a session from then on", () => {
    const world = new World()
    const { leader, follower } = stableTwo(world)
    world.failOver()
    world.pass(9_000)
    const again = world.sync({ groupId: "g", memberId: follower, generationId: 2 }).now
    expect(again.assignment).toEqual(bytes("F"))
    world.pass(9_900)
    const beat = (memberId: string) =>
      world.heartbeat({ groupId: "g", memberId, generationId: 2 }).now.errorCode
    expect([beat(leader), beat(follower)]).toEqual([
      ErrorCode.UNKNOWN_MEMBER_ID,
      ErrorCode.REBALANCE_IN_PROGRESS,
    ])
  })

  test("members that do not find the next coordinator are missed by it", () => {
    const world = new World()
    world.soleMember("g")
    world.failOver()
    world.pass(9_900)
    expect(state(world)).toBe("Stable")
    world.pass(200)
    expect(state(world)).toBe("Empty")
  })

  test("a generation that was not stored is unknown to the next coordinator", () => {
    const world = new World()
    const { leader, follower } = two(world)
    world.failOver()
    const sync = (memberId: string) =>
      world.sync({ groupId: "g", memberId, generationId: 2 }).now.errorCode
    expect(sync(leader)).toBe(ErrorCode.ILLEGAL_GENERATION)
    expect(sync(follower)).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
    expect(world.heartbeat({ groupId: "g", memberId: leader, generationId: 1 }).now.errorCode).toBe(
      0,
    )
  })
})
