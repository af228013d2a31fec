import { describe, expect, test } from "bun:test"
import { ErrorCode } from "../../../src/protocol/error-codes.ts"
import { ConsumerWorld, given, owns } from "./consumer-world.ts"
import type { Beat } from "./consumer-world.ts"

/** Error codes, words and epochs are those of Kafka 4.3.1's recorded answers. */

const world = () => {
  const made = new ConsumerWorld()
  const off = made.topics.create("off", 2)
  return { made, off }
}

const off = { subscribedTopicNames: ["off"] }

describe("join and stay", () => {
  test("the first member gets everything at once, in epoch 2", () => {
    const { made, off: topicId } = world()
    const joined = made.joinAs("m", { ...off, serverAssignor: "uniform" })
    expect(joined).toEqual({
      throttleTimeMs: 0,
      errorCode: 0,
      memberId: "m",
      memberEpoch: 2,
      heartbeatIntervalMs: 5000,
      assignment: { topicPartitions: [{ topicId, partitions: [0, 1] }] },
    })
  })

  test("heartbeats without news append nothing and say nothing", () => {
    const { made, off: topicId } = world()
    made.joinAs("m", off)
    const before = made.log.length
    expect(made.beat({ memberId: "m", memberEpoch: 2 }).now.assignment).toBeNull()
    // The epoch before is written off once, as in Kafka, when the member has been heard in the new.
    const reported = owns(topicId, 0, 1)
    made.beat({ memberId: "m", memberEpoch: 2, topicPartitions: reported })
    expect(made.beat({ memberId: "m", memberEpoch: 2 }).now.memberEpoch).toBe(2)
    expect(made.log.length).toBe(before)
  })

  test("a second member gets what the first has given up, and not before", () => {
    const { made, off: topicId } = world()
    made.joinAs("a", off)
    made.pass(1_000)
    expect(made.joinAs("b", off)).toMatchObject({ memberEpoch: 3 })
    expect(made.describeGroup()).toMatchObject({
      groupState: "Reconciling",
      groupEpoch: 3,
      assignmentEpoch: 3,
      assignorName: "uniform",
    })
    expect(made.assignments("targetAssignment")).toEqual({ a: "off:0", b: "off:1" })
    expect(given(made.beat({ memberId: "b", memberEpoch: 3 }).now)).toBeNull()
    const revoking = made.beat({ memberId: "a", memberEpoch: 2 }).now
    expect([revoking.memberEpoch, given(revoking)]).toEqual([2, [0]])
    // It says that it has both still.
    made.beat({ memberId: "a", memberEpoch: 2, topicPartitions: owns(topicId, 0, 1) })
    expect(given(made.beat({ memberId: "b", memberEpoch: 3 }).now)).toBeNull()
    const revoked = made.beat({
      memberId: "a",
      memberEpoch: 2,
      topicPartitions: owns(topicId, 0),
    }).now
    expect([revoked.memberEpoch, given(revoked)]).toEqual([3, null])
    expect(given(made.beat({ memberId: "b", memberEpoch: 3 }).now)).toEqual([1])
    expect(made.describeGroup().groupState).toBe("Stable")
  })

  test("version 0: the broker names the member", () => {
    const { made } = world()
    const { memberId } = made.beat(
      {
        memberId: "",
        memberEpoch: 0,
        rebalanceTimeoutMs: 1000,
        topicPartitions: [],
        ...off,
      },
      { apiVersion: 0 },
    ).now
    expect(memberId).toMatch(/^[A-Za-z0-9_-]{22}$/)
  })

  test("a target is computed once in the interval; the group is Assigning meanwhile", () => {
    const { made } = world()
    made.joinAs("a", off)
    expect(made.joinAs("b", off)).toMatchObject({ memberEpoch: 2 })
    expect(made.describeGroup()).toMatchObject({
      groupState: "Assigning",
      groupEpoch: 3,
      assignmentEpoch: 2,
    })
    made.pass(1_000)
    expect(made.beat({ memberId: "b", memberEpoch: 2 }).now.memberEpoch).toBe(3)
  })

  test("a full request is answered in full", () => {
    const { made, off: topicId } = world()
    made.joinAs("a", off)
    const full = made.beat({
      memberId: "a",
      memberEpoch: 2,
      rebalanceTimeoutMs: 60_000,
      topicPartitions: owns(topicId, 0, 1),
      ...off,
    })
    expect(given(full.now)).toEqual([0, 1])
  })

  test("an answer comes only when its records are committed", () => {
    const { made } = world()
    made.autoCommit = false
    const answer = made.beat({
      memberId: "a",
      memberEpoch: 0,
      rebalanceTimeoutMs: 1,
      topicPartitions: [],
      ...off,
    })
    expect(answer.isOpen).toBe(true)
    expect(made.describeGroup().errorCode).toBe(ErrorCode.GROUP_ID_NOT_FOUND)
    made.commitOne()
    expect(answer.now.errorCode).toBe(0)
  })

  test("records that are not committed leave no trace", () => {
    const { made } = world()
    made.autoCommit = false
    const join = {
      memberId: "a",
      memberEpoch: 0,
      rebalanceTimeoutMs: 1,
      topicPartitions: [],
      ...off,
    }
    const answer = made.beat(join)
    made.commitOne(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    expect(answer.now).toEqual({ errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE })
    const again = made.beat(join)
    made.commitOne()
    expect(again.now.memberEpoch).toBe(2)
  })
})

describe("leave", () => {
  test("the others get what a member had", () => {
    const { made, off: topicId } = world()
    made.joinAs("a", off)
    made.pass(1_000)
    made.joinAs("b", off)
    expect(made.beat({ memberId: "a", memberEpoch: -1 }).now).toEqual({
      memberId: "a",
      memberEpoch: -1,
    })
    made.pass(1_000)
    const next = made.beat({ memberId: "b", memberEpoch: 3, topicPartitions: owns(topicId) }).now
    expect([next.memberEpoch, given(next)]).toEqual([4, [0, 1]])
  })

  test("the last one leaves an empty group, which can be deleted", () => {
    const { made } = world()
    made.joinAs("a", off)
    expect(made.deleteGroup("g").now).toBe(ErrorCode.NON_EMPTY_GROUP)
    made.beat({ memberId: "a", memberEpoch: -1 })
    expect(made.describeGroup()).toMatchObject({ groupState: "Empty", groupEpoch: 3, members: [] })
    expect(made.deleteGroup("g").now).toBe(ErrorCode.NONE)
    expect(made.describeGroup().errorCode).toBe(ErrorCode.GROUP_ID_NOT_FOUND)
  })
})

const fenced = (size: string, epoch: number) =>
  `The consumer group member has a ${size} member epoch (${epoch}) than the one known by the ` +
  "group coordinator (2). The member must abandon all its partitions and rejoin."

describe("refused", () => {
  const join: Beat = { memberEpoch: 0, rebalanceTimeoutMs: 1000, topicPartitions: [] }
  const invalid = ErrorCode.INVALID_REQUEST
  test.each<[string, Beat, number, string]>([
    [
      "no subscription",
      { ...join, memberId: "x" },
      invalid,
      "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.",
    ],
    ["no name", { ...join, ...off }, invalid, "MemberId can't be empty."],
    [
      "no group",
      { ...join, ...off, memberId: "x", groupId: " " },
      invalid,
      "GroupId can't be empty.",
    ],
    [
      "an empty instance",
      { ...join, ...off, memberId: "x", instanceId: "" },
      invalid,
      "InstanceId can't be empty.",
    ],
    [
      "an empty rack",
      { ...join, ...off, memberId: "x", rackId: "" },
      invalid,
      "RackId can't be empty.",
    ],
    [
      "no timeout",
      { ...join, ...off, memberId: "x", rebalanceTimeoutMs: -1 },
      invalid,
      "RebalanceTimeoutMs must be provided in first request.",
    ],
    [
      "partitions",
      { ...join, ...off, memberId: "x", topicPartitions: null },
      invalid,
      "TopicPartitions must be empty when (re-)joining.",
    ],
    ["an epoch below -2", { memberId: "x", memberEpoch: -3 }, invalid, "MemberEpoch is invalid."],
    [
      "a static leave without an instance",
      { memberId: "x", memberEpoch: -2 },
      invalid,
      "InstanceId can't be null.",
    ],
    [
      "an unknown assignor",
      { ...join, ...off, memberId: "x", serverAssignor: "best" },
      ErrorCode.UNSUPPORTED_ASSIGNOR,
      "ServerAssignor best is not supported. Supported assignors: uniform, range.",
    ],
    [
      "a bad pattern",
      { ...join, memberId: "x", subscribedTopicRegex: "[" },
      ErrorCode.INVALID_REGULAR_EXPRESSION,
      "SubscribedTopicRegex `[` is not a valid regular expression: missing closing ].",
    ],
    [
      "an unknown group",
      { memberId: "x", memberEpoch: 5, groupId: "h" },
      ErrorCode.GROUP_ID_NOT_FOUND,
      "Consumer group h not found.",
    ],
    [
      "an unknown group left",
      { memberId: "x", memberEpoch: -1, groupId: "h" },
      ErrorCode.GROUP_ID_NOT_FOUND,
      "Group h not found.",
    ],
    [
      "an unknown member",
      { memberId: "x", memberEpoch: 5 },
      ErrorCode.UNKNOWN_MEMBER_ID,
      "Member x is not a member of group g.",
    ],
    [
      "an unknown member left",
      { memberId: "x", memberEpoch: -1 },
      ErrorCode.UNKNOWN_MEMBER_ID,
      "Member x is not a member of group g.",
    ],
    [
      "an epoch ahead",
      { memberId: "m", memberEpoch: 99 },
      ErrorCode.FENCED_MEMBER_EPOCH,
      fenced("greater", 99),
    ],
    [
      "an epoch behind",
      { memberId: "m", memberEpoch: 1 },
      ErrorCode.FENCED_MEMBER_EPOCH,
      fenced("smaller", 1),
    ],
  ])("%s", (_, input, errorCode, errorMessage) => {
    const { made } = world()
    made.joinAs("m", off)
    const before = made.log.length
    expect(made.beat(input).now).toEqual({ errorCode, errorMessage })
    expect(made.log.length).toBe(before)
  })

  test("more members than group.consumer.max.size", () => {
    const made = new ConsumerWorld({ groupConsumerMaxSize: 1 })
    made.joinAs("a")
    expect(made.joinAs("b")).toEqual({
      errorCode: ErrorCode.GROUP_MAX_SIZE_REACHED,
      errorMessage: "The consumer group has reached its maximum capacity of 1 members.",
    })
    expect(made.beat({ memberId: "a", memberEpoch: 2 }).now.errorCode).toBe(0)
  })

  test("the epoch before is good again for who may have missed an answer, and owns no more", () => {
    const { made, off: topicId } = world()
    made.joinAs("a", off)
    made.pass(1_000)
    made.joinAs("b", off)
    made.beat({ memberId: "a", memberEpoch: 2 })
    made.beat({ memberId: "a", memberEpoch: 2, topicPartitions: owns(topicId, 0) })
    const retry = { memberId: "a", memberEpoch: 2 }
    expect(made.beat({ ...retry, topicPartitions: owns(topicId, 0) }).now.memberEpoch).toBe(3)
    const all = made.beat({ ...retry, topicPartitions: owns(topicId, 0, 1) }).now
    expect(all.errorCode).toBe(ErrorCode.FENCED_MEMBER_EPOCH)
    expect(made.joinAs("a", off)).toMatchObject({ errorCode: 0, memberEpoch: 3 })
  })
})

test("two epochs behind is fenced, whatever is owned", () => {
  const made = new ConsumerWorld({ groupConsumerAssignmentIntervalMs: 0 })
  made.joinAs("a")
  for (const partitions of [4, 5]) {
    made.topics.grow("t", partitions)
    made.coordinator.topicsChanged(made.nowMs)
    made.beat({ memberId: "a", memberEpoch: partitions - 2, topicPartitions: [] })
  }
  expect(made.describeGroup().members?.[0]?.memberEpoch).toBe(4)
  expect(made.beat({ memberId: "a", memberEpoch: 3, topicPartitions: [] }).now.errorCode).toBe(0)
  const late = made.beat({ memberId: "a", memberEpoch: 2, topicPartitions: [] }).now
  expect(late.errorCode).toBe(ErrorCode.FENCED_MEMBER_EPOCH)
})

describe("topics that change", () => {
  test("more partitions are assigned at the next heartbeat", () => {
    const { made } = world()
    made.joinAs("a")
    made.topics.create("t", 5)
    made.coordinator.topicsChanged(made.nowMs)
    made.pass(1_000)
    const next = made.beat({ memberId: "a", memberEpoch: 2, topicPartitions: [] }).now
    expect([next.memberEpoch, given(next)]).toEqual([3, [0, 1, 2, 3, 4]])
  })

  test("a topic that appears is assigned, one that goes is taken away", () => {
    const { made, off: topicId } = world()
    made.joinAs("a", { subscribedTopicNames: ["off", "later"] })
    made.pass(1_000)
    made.topics.create("later", 1)
    made.coordinator.topicsChanged(made.nowMs)
    const both = made.beat({ memberId: "a", memberEpoch: 2 }).now
    expect([both.memberEpoch, made.assignments()]).toEqual([3, { a: "later:0 off:0,1" }])
    made.pass(1_000)
    made.topics.delete("later")
    made.coordinator.topicsChanged(made.nowMs)
    const one = made.beat({ memberId: "a", memberEpoch: 3, topicPartitions: owns(topicId, 0, 1) })
    expect([one.now.memberEpoch, made.assignments()]).toEqual([4, { a: "off:0,1" }])
  })

  test("a change in other topics does not move the epoch", () => {
    const { made } = world()
    made.joinAs("a", off)
    made.topics.create("other", 7)
    made.coordinator.topicsChanged(made.nowMs)
    made.pass(1_000)
    expect(made.beat({ memberId: "a", memberEpoch: 2 }).now.memberEpoch).toBe(2)
    expect(made.describeGroup().groupEpoch).toBe(2)
  })
})

test("a subscription that drops a topic has its partitions revoked before a new target", () => {
  const { made, off: topicId } = world()
  made.joinAs("a", { subscribedTopicNames: ["off", "t"] })
  const dropped = made.beat({ memberId: "a", memberEpoch: 2, ...off }).now
  expect([dropped.memberEpoch, given(dropped)]).toEqual([2, [0, 1]])
  made.pass(1_000)
  const acked = made.beat({ memberId: "a", memberEpoch: 2, topicPartitions: owns(topicId, 0, 1) })
  expect(acked.now.memberEpoch).toBe(3)
})

test("the assignor that most members ask for is used", () => {
  const made = new ConsumerWorld({ groupConsumerAssignmentIntervalMs: 0 })
  made.topics.create("u", 3)
  const both = { subscribedTopicNames: ["t", "u"] }
  made.joinAs("a", { ...both, serverAssignor: "range" })
  made.joinAs("b", { ...both, serverAssignor: "range" })
  made.joinAs("c", { ...both, serverAssignor: "uniform" })
  made.joinAs("d", both)
  expect(made.describeGroup().assignorName).toBe("range")
  expect(made.assignments("targetAssignment")).toEqual({
    a: "t:0 u:0",
    b: "t:1 u:1",
    c: "t:2 u:2",
    d: "",
  })
})
