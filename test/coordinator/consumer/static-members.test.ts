import { describe, expect, test } from "bun:test"
import { ErrorCode } from "../../../src/protocol/error-codes.ts"
import { ConsumerWorld, given, owns } from "./consumer-world.ts"

const two = () => {
  const made = new ConsumerWorld({ groupConsumerAssignmentIntervalMs: 0 })
  const topicId = made.topics.topicId("t")!
  made.joinAs("a", { instanceId: "i" })
  return { made, topicId }
}

describe("static members", () => {
  test("one that leaves for a while keeps its partitions; who comes back gets them at once", () => {
    const { made } = two()
    const left = made.beat({ memberId: "a", memberEpoch: -2, instanceId: "i" }).now
    expect(left).toEqual({ memberId: "a", memberEpoch: -2 })
    expect(made.assignments()).toEqual({ a: "t:0,1,2" })
    const back = made.joinAs("b", { instanceId: "i" })
    expect([back.memberEpoch, given(back)]).toEqual([2, [0, 1, 2]])
    expect(made.assignments()).toEqual({ b: "t:0,1,2" })
    expect(made.describeGroup()).toMatchObject({ groupEpoch: 2, groupState: "Stable" })
  })

  test("while it is away nobody else gets them", () => {
    const { made } = two()
    made.joinAs("b")
    made.beat({ memberId: "a", memberEpoch: -2, instanceId: "i" })
    expect(given(made.beat({ memberId: "b", memberEpoch: 3 }).now)).toBeNull()
    expect(made.assignments()).toEqual({ a: "t:0,1,2", b: "" })
  })

  test("an instance id in use is not given away", () => {
    const { made } = two()
    expect(made.joinAs("b", { instanceId: "i" })).toEqual({
      errorCode: ErrorCode.UNRELEASED_INSTANCE_ID,
      errorMessage:
        "Static member b with instance id i cannot join the group because the instance id is " +
        "owned by a member.",
    })
  })

  test("who was replaced is fenced", () => {
    const { made } = two()
    made.beat({ memberId: "a", memberEpoch: -2, instanceId: "i" })
    made.joinAs("b", { instanceId: "i" })
    expect(made.beat({ memberId: "a", memberEpoch: 2, instanceId: "i" }).now).toEqual({
      errorCode: ErrorCode.FENCED_INSTANCE_ID,
      errorMessage: "Static member a with instance id i was fenced by member b.",
    })
    const leaving = made.beat({ memberId: "a", memberEpoch: -1, instanceId: "i" }).now
    expect(leaving.errorCode).toBe(ErrorCode.FENCED_INSTANCE_ID)
    const unnamed = made.beat({ memberId: "a", memberEpoch: 2 }).now
    expect(unnamed.errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
  })

  test("who left for a while is not there, whatever epoch it says", () => {
    const { made } = two()
    made.joinAs("b")
    const topicId = made.topics.topicId("t")!
    const i = { memberId: "a", memberEpoch: 2, instanceId: "i" }
    const kept = given(made.beat(i).now) ?? []
    expect(made.beat({ ...i, topicPartitions: owns(topicId, ...kept) }).now.memberEpoch).toBe(3)
    made.beat({ memberId: "a", memberEpoch: -2, instanceId: "i" })
    for (const memberEpoch of [2, 3]) {
      const topicPartitions: never[] = []
      const late = made.beat({ memberId: "a", memberEpoch, instanceId: "i", topicPartitions }).now
      expect(late.errorCode).toBe(ErrorCode.FENCED_MEMBER_EPOCH)
    }
  })

  test("who comes back to a new target keeps what the place had", () => {
    const made = new ConsumerWorld({ groupConsumerAssignmentIntervalMs: 0 })
    made.topics.create("t", 9)
    for (const at of [0, 1, 2]) made.joinAs(`m${at}`, { instanceId: `i${at}` })
    const targetOf = (memberId: string) => {
      const [, partitions = ""] = (made.assignments("targetAssignment")[memberId] ?? "").split(":")
      return partitions.split(",")
    }
    const had = targetOf("m0")
    expect(had).toHaveLength(3)
    made.beat({ memberId: "m0", memberEpoch: -2, instanceId: "i0" })
    made.topics.grow("t", 12)
    made.coordinator.topicsChanged(made.nowMs)
    expect(made.joinAs("back", { instanceId: "i0" }).memberEpoch).toBe(5)
    expect(targetOf("back")).toEqual(expect.arrayContaining(had))
    expect(targetOf("back")).toHaveLength(4)
  })

  test("what it was revoking when it left is free", () => {
    const { made } = two()
    made.joinAs("b")
    const kept = given(made.beat({ memberId: "a", memberEpoch: 2, instanceId: "i" }).now) ?? []
    expect(kept.length).toBeLessThan(3)
    made.beat({ memberId: "a", memberEpoch: -2, instanceId: "i" })
    const freed = given(made.beat({ memberId: "b", memberEpoch: 3 }).now) ?? []
    expect(freed).toHaveLength(3 - kept.length)
  })

  test("an unknown instance has no member", () => {
    const { made } = two()
    expect(made.beat({ memberId: "a", memberEpoch: 2, instanceId: "j" }).now).toEqual({
      errorCode: ErrorCode.UNKNOWN_MEMBER_ID,
      errorMessage: "Instance id j is unknown.",
    })
  })

  test("one that stays away is removed when its session is over", () => {
    const { made } = two()
    made.beat({ memberId: "a", memberEpoch: -2, instanceId: "i" })
    made.pass(44_900)
    expect(made.describeGroup().groupState).not.toBe("Empty")
    made.pass(200)
    expect(made.describeGroup().groupState).toBe("Empty")
  })

  test("it leaves for good with -1", () => {
    const { made } = two()
    made.beat({ memberId: "a", memberEpoch: -1, instanceId: "i" })
    expect(made.describeGroup().groupState).toBe("Empty")
    expect(made.joinAs("b", { instanceId: "i" }).errorCode).toBe(0)
  })

  test("commits of before the pause are good for whoever came back", () => {
    const { made, topicId } = two()
    made.beat({ memberId: "a", memberEpoch: -2, instanceId: "i" })
    made.joinAs("b", { instanceId: "i" })
    made.topics.create("u", 1)
    const commit = (epoch: number) =>
      made.commitOffset("g", 0, 5, { memberId: "b", generationIdOrMemberEpoch: epoch }).now
        .topics?.[0]?.partitions?.[0]?.errorCode
    expect(commit(2)).toBe(ErrorCode.NONE)
    expect(commit(1)).toBe(ErrorCode.NONE)
    expect(commit(3)).toBe(ErrorCode.STALE_MEMBER_EPOCH)
    expect(owns(topicId, 0)).toHaveLength(1)
  })
})
