import { expect, test } from "bun:test"
import { ErrorCode } from "../../../src/protocol/error-codes.ts"
import { ConsumerWorld, given, owns } from "./consumer-world.ts"

const world = () => new ConsumerWorld({ groupConsumerAssignmentIntervalMs: 0 })

const commit = (made: ConsumerWorld, memberId: string, epoch: number, partition = 0) =>
  made.commitOffset("g", partition, 7, { memberId, generationIdOrMemberEpoch: epoch }).now
    .topics?.[0]?.partitions?.[0]?.errorCode

test("a commit in the member's epoch is taken, one ahead or of nobody is not", () => {
  const made = world()
  made.joinAs("a")
  expect(commit(made, "a", 2)).toBe(ErrorCode.NONE)
  expect(commit(made, "a", 3)).toBe(ErrorCode.STALE_MEMBER_EPOCH)
  expect(commit(made, "b", 2)).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
  expect(commit(made, "", -1)).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
})

test("an older epoch is good for partitions that the member has had since, for no others", () => {
  const made = world()
  const topicId = made.topics.topicId("t")!
  made.joinAs("a")
  made.joinAs("b")
  const kept = given(made.beat({ memberId: "a", memberEpoch: 2 }).now) ?? []
  made.beat({ memberId: "a", memberEpoch: 2, topicPartitions: owns(topicId, ...kept) })
  const lost = [0, 1, 2].find((partition) => !kept.includes(partition)) ?? -1
  expect(made.describeGroup().groupEpoch).toBe(3)
  expect(commit(made, "a", 2, kept[0])).toBe(ErrorCode.NONE)
  expect(commit(made, "a", 2, lost)).toBe(ErrorCode.STALE_MEMBER_EPOCH)
  made.beat({ memberId: "b", memberEpoch: 3 })
  expect(commit(made, "b", 2, lost)).toBe(ErrorCode.STALE_MEMBER_EPOCH)
  expect(commit(made, "b", 3, lost)).toBe(ErrorCode.NONE)
})

test("while it revokes, a member commits what it is about to lose", () => {
  const made = world()
  made.joinAs("a")
  made.joinAs("b")
  made.beat({ memberId: "a", memberEpoch: 2 })
  for (const partition of [0, 1, 2]) expect(commit(made, "a", 2, partition)).toBe(ErrorCode.NONE)
})

test("members of the consumer protocol commit with version 9 or later", () => {
  const made = world()
  made.joinAs("a")
  const topics = [{ name: "t", partitions: [{ partitionIndex: 0, committedOffset: 1 }] }]
  const answer = made.commit(
    { groupId: "g", memberId: "a", generationIdOrMemberEpoch: 2, topics },
    { apiVersion: 8 },
  )
  const [topic] = answer.now.topics ?? []
  expect(topic?.partitions?.[0]?.errorCode).toBe(ErrorCode.UNSUPPORTED_VERSION)
})

test("a fetch that names a member names its epoch", () => {
  const made = world()
  made.joinAs("a")
  const fetch = (memberId: string | null, memberEpoch: number) =>
    made.coordinator.fetchOffsets(
      { groupId: "g", memberId, memberEpoch, topics: [] },
      made.origin({ apiVersion: 9 }),
    ).errorCode
  expect(fetch("a", 2)).toBe(ErrorCode.NONE)
  expect(fetch(null, -1)).toBe(ErrorCode.NONE)
  expect(fetch("a", 1)).toBe(ErrorCode.STALE_MEMBER_EPOCH)
  expect(fetch("x", 2)).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
})

test("offsets of topics that members subscribe to are not deleted", () => {
  const made = world()
  made.topics.create("u")
  made.joinAs("a")
  const topics = ["t", "u"].map((name) => ({ name, partitions: [{ partitionIndex: 0 }] }))
  const answer = made.deleteOffsets({ groupId: "g", topics }).now
  const codes = answer.topics?.map(({ partitions = [] }) => partitions[0]?.errorCode)
  expect(codes).toEqual([ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC, ErrorCode.NONE])
})
