import { describe, expect, test } from "bun:test"
import { ErrorCode } from "../../../src/protocol/error-codes.ts"
import { ConsumerWorld, given, owns } from "./consumer-world.ts"

const settings = { groupConsumerAssignmentIntervalMs: 0 }

describe("sessions", () => {
  test("a silent member is fenced after the session timeout, and its partitions are free", () => {
    const made = new ConsumerWorld(settings)
    made.joinAs("a")
    made.pass(40_000)
    made.joinAs("b")
    made.pass(5_100)
    expect(made.assignments()).toEqual({ b: "" })
    expect(given(made.beat({ memberId: "b", memberEpoch: 3 }).now)).toEqual([0, 1, 2])
    expect(made.beat({ memberId: "a", memberEpoch: 2 }).now.errorCode).toBe(
      ErrorCode.UNKNOWN_MEMBER_ID,
    )
  })

  test("heartbeats keep a member", () => {
    const made = new ConsumerWorld(settings)
    made.joinAs("a")
    for (let i = 0; i < 5; i++) {
      made.pass(40_000, 1_000)
      expect(made.beat({ memberId: "a", memberEpoch: 2 }).now.errorCode).toBe(0)
    }
  })

  test("a heartbeat that is under way when the session ends counts", () => {
    const made = new ConsumerWorld(settings)
    made.joinAs("a")
    made.autoCommit = false
    made.joinAsync("b")
    const late = made.beat({ memberId: "a", memberEpoch: 2 })
    made.pass(45_100, 1_000)
    expect(late.isOpen).toBe(true)
    made.autoCommit = true
    made.settle()
    expect(late.now.errorCode).toBe(ErrorCode.NONE)
    expect(Object.keys(made.assignments())).toContain("a")
  })

  test("a new coordinator gives everybody one session", () => {
    const made = new ConsumerWorld(settings)
    made.joinAs("a")
    made.pass(40_000, 1_000)
    made.failOver()
    made.pass(44_000, 1_000)
    expect(made.beat({ memberId: "a", memberEpoch: 2 }).now.errorCode).toBe(0)
    made.failOver()
    made.pass(45_100, 100)
    expect(made.describeGroup().groupState).toBe("Empty")
  })

  test("a group's own timeout and heartbeat interval, within the broker's bounds", () => {
    const made = new ConsumerWorld({
      ...settings,
      groupConsumerMinSessionTimeoutMs: 1_000,
      groupConsumerMinHeartbeatIntervalMs: 200,
    })
    made.groupConfigs.set(
      "g",
      new Map([
        ["consumer.session.timeout.ms", "2000"],
        ["consumer.heartbeat.interval.ms", "100"],
      ]),
    )
    expect(made.joinAs("a").heartbeatIntervalMs).toBe(200)
    made.pass(1_900)
    expect(made.describeGroup().groupState).toBe("Stable")
    made.pass(200)
    expect(made.describeGroup().groupState).toBe("Empty")
  })
})

describe("revocation", () => {
  test("who does not revoke within its rebalance timeout is fenced, though it heartbeats", () => {
    const made = new ConsumerWorld(settings)
    const topicId = made.topics.topicId("t")!
    made.joinAs("a", { rebalanceTimeoutMs: 10_000 })
    made.joinAs("b")
    const all = owns(topicId, 0, 1, 2)
    expect(given(made.beat({ memberId: "a", memberEpoch: 2 }).now)).toHaveLength(2)
    for (let i = 0; i < 9; i++) {
      made.pass(1_000)
      const beaten = made.beat({ memberId: "a", memberEpoch: 2, topicPartitions: all }).now
      expect(beaten.errorCode).toBe(0)
    }
    made.pass(1_100)
    expect(made.beat({ memberId: "a", memberEpoch: 2 }).now.errorCode).toBe(
      ErrorCode.UNKNOWN_MEMBER_ID,
    )
  })

  test("a new coordinator waits for it no longer than the old one", () => {
    const made = new ConsumerWorld(settings)
    const topicId = made.topics.topicId("t")!
    made.joinAs("a", { rebalanceTimeoutMs: 10_000 })
    made.joinAs("b")
    made.beat({ memberId: "a", memberEpoch: 2 })
    made.failOver()
    const all = owns(topicId, 0, 1, 2)
    const beat = () =>
      made.beat({ memberId: "a", memberEpoch: 2, topicPartitions: all }).now.errorCode
    made.pass(9_000)
    expect(beat()).toBe(ErrorCode.NONE)
    made.pass(1_100)
    expect(beat()).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
  })

  test("the time begins anew with a new coordinator, and is over when all is revoked", () => {
    const made = new ConsumerWorld(settings)
    const topicId = made.topics.topicId("t")!
    made.joinAs("a", { rebalanceTimeoutMs: 10_000 })
    made.joinAs("b")
    const kept = given(made.beat({ memberId: "a", memberEpoch: 2 }).now) ?? []
    made.pass(9_000)
    made.failOver()
    made.pass(9_000)
    const acked = made.beat({
      memberId: "a",
      memberEpoch: 2,
      topicPartitions: owns(topicId, ...kept),
    })
    expect(acked.now.memberEpoch).toBe(3)
    made.pass(10_100)
    expect(made.beat({ memberId: "a", memberEpoch: 3 }).now.errorCode).toBe(0)
  })
})
