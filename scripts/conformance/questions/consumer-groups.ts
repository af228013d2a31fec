import { consumerGroupDescribe } from "../../../src/protocol/messages/consumer-group-describe.ts"
import { consumerGroupHeartbeat } from "../../../src/protocol/messages/consumer-group-heartbeat.ts"
import { deleteGroups } from "../../../src/protocol/messages/delete-groups.ts"
import { heartbeat } from "../../../src/protocol/messages/heartbeat.ts"
import { leaveGroup } from "../../../src/protocol/messages/leave-group.ts"
import { listGroups } from "../../../src/protocol/messages/list-groups.ts"
import { offsetCommit } from "../../../src/protocol/messages/offset-commit.ts"
import { offsetFetch } from "../../../src/protocol/messages/offset-fetch.ts"
import { fieldOf } from "../values.ts"
import type { Asker } from "../asker.ts"
import { topicLedBy0 } from "./topics-of-our-own.ts"

/** Ids that clients make: 16 bytes in base64url. */
const member = (letter: string) => `${letter.repeat(21)}A`

/** Kafka assigns no sooner than a second after the last time. */
const assignmentIntervalMs = 1_200

const joining = { memberEpoch: 0, rebalanceTimeoutMs: 20_000, topicPartitions: [] }

export async function askConsumerGroups(asker: Asker): Promise<void> {
  const topicId = await topicLedBy0(asker, "g-one")
  const node = await asker.coordinator("g-new")
  const beat = (memberId: string, note: string, more: object = {}, version = 1) =>
    asker.call(
      consumerGroupHeartbeat,
      version,
      { groupId: "g-new", memberId, memberEpoch: 0, ...more },
      note,
      node,
    )
  const [a, b] = [member("a"), member("b")]
  await askBadly(beat, a)
  await beat(a, "the first joins", { ...joining, subscribedTopicNames: ["g-one"] })
  const all = [{ topicId, partitions: [0, 1] }]
  await beat(a, "owns both", { memberEpoch: 2, topicPartitions: all })
  await asker.rest(assignmentIntervalMs)
  await beat(b, "the second joins", {
    ...joining,
    subscribedTopicNames: ["g-one"],
    serverAssignor: "uniform",
  })
  await beat(a, "is to give one up", { memberEpoch: 2, topicPartitions: all })
  await beat(a, "has not given it up yet", { memberEpoch: 2, topicPartitions: all })
  await beat(b, "waits for it", { memberEpoch: 3, topicPartitions: [] })
  await asker.every(
    consumerGroupDescribe,
    { groupIds: ["g-new"] },
    "while one partition moves",
    node,
  )
  await beat(a, "has given it up", {
    memberEpoch: 2,
    topicPartitions: [{ topicId, partitions: [0] }],
  })
  await beat(b, "gets it", { memberEpoch: 3, topicPartitions: [] })
  await beat(b, "owns it", { memberEpoch: 3, topicPartitions: [{ topicId, partitions: [1] }] })
  await beat(b, "an epoch behind, and it owns what that epoch had", {
    memberEpoch: 2,
    topicPartitions: [],
  })
  await beat(b, "an epoch behind, and it owns more", { memberEpoch: 2, topicPartitions: all })
  await asker.every(
    consumerGroupDescribe,
    { groupIds: ["g-new"], includeAuthorizedOperations: true },
    "stable",
    node,
  )
  await asker.every(consumerGroupDescribe, { groupIds: [] }, "none", node)
  await askOffsets(asker, topicId, a, node)
  await askPatterns(asker, beat, node)
  await askStaticMembers(asker)
}

async function askPatterns(asker: Asker, beat: Beat, node: number): Promise<void> {
  const [a, b, c] = [member("a"), member("b"), member("c")]
  await asker.rest(assignmentIntervalMs)
  await beat(b, "subscribes to nothing", { memberEpoch: 3, subscribedTopicNames: [] })
  await asker.rest(assignmentIntervalMs)
  const answer = await beat(c, "by a pattern", { ...joining, subscribedTopicRegex: "g-(one|two)" })
  await asker.rest(assignmentIntervalMs)
  const memberEpoch = Number(fieldOf(answer, "memberEpoch"))
  await beat(c, "the pattern is resolved", { memberEpoch })
  await asker.every(consumerGroupDescribe, { groupIds: ["g-new"] }, "with a pattern", node)
  await asker.call(
    listGroups,
    5,
    { typesFilter: ["consumer"], statesFilter: [] },
    "consumer groups",
    node,
  )
  await asker.call(deleteGroups, 2, { groupsNames: ["g-new"] }, "of the new kind, not empty", node)
  await asker.call(
    heartbeat,
    4,
    { groupId: "g-new", memberId: a, generationId: 2 },
    "in the old way",
    node,
  )
  await asker.call(
    leaveGroup,
    5,
    { groupId: "g-new", members: [{ memberId: b }, { memberId: "who" }] },
    "in the old way",
    node,
  )
  for (const one of [a, c]) await beat(one, "leaves", { memberEpoch: -1 })
  await beat(a, "leaves again", { memberEpoch: -1 })
}

type Beat = (memberId: string, note: string, more?: object, version?: number) => Promise<unknown>

async function askBadly(beat: Beat, a: string): Promise<void> {
  const names = { subscribedTopicNames: ["g-one"] }
  await beat("", "no member id at version 1", { ...joining, ...names })
  await beat(a, "no group id", { ...joining, ...names, groupId: "" })
  await beat(a, "epoch -3", { ...joining, ...names, memberEpoch: -3 })
  await beat(a, "no rebalance timeout", { ...joining, ...names, rebalanceTimeoutMs: -1 })
  await beat(a, "owned partitions null", { ...joining, ...names, topicPartitions: null })
  await beat(a, "joins owning some", {
    ...joining,
    ...names,
    topicPartitions: [{ topicId: "1".repeat(32), partitions: [0] }],
  })
  await beat(a, "an empty rack", { ...joining, ...names, rackId: "" })
  await beat(a, "an empty instance", { ...joining, ...names, instanceId: "" })
  await beat(a, "an empty assignor", { ...joining, ...names, serverAssignor: "" })
  await beat(a, "epoch -2 without an instance", { memberEpoch: -2 })
  await beat(a, "epoch 5 of an unknown group", { memberEpoch: 5 })
  await beat(a, "leaves an unknown group", { memberEpoch: -1 })
  await beat(a, "a pattern at version 1 that is bad", { ...joining, subscribedTopicRegex: "(a" })
  await beat(a, "a pattern with a look-ahead", { ...joining, subscribedTopicRegex: "(?=a)b" })
}

async function askOffsets(asker: Asker, topicId: string, a: string, node: number): Promise<void> {
  for (const version of [2, 7, 8, 9, 10]) {
    const commit = (generationIdOrMemberEpoch: number, memberId: string, note: string) =>
      asker.call(
        offsetCommit,
        version,
        {
          groupId: "g-new",
          generationIdOrMemberEpoch,
          memberId,
          topics: [
            {
              name: "g-one",
              topicId,
              partitions: [{ partitionIndex: 0, committedOffset: version }],
            },
          ],
        },
        note,
        node,
      )
    await commit(3, a, "as a member of the new kind")
    await commit(2, a, "with its epoch before")
    await commit(9, a, "with an epoch to come")
    await commit(3, "who", "as nobody")
    await commit(-1, "", "from outside")
  }
  for (const [memberId, memberEpoch] of [
    [a, 3],
    [a, 2],
    [a, 9],
    ["who", 3],
    [null, -1],
  ] as const) {
    for (const version of [9, 10]) {
      const topics = [{ name: "g-one", topicId, partitionIndexes: [0] }]
      await asker.call(
        offsetFetch,
        version,
        { groups: [{ groupId: "g-new", memberId, memberEpoch, topics }] },
        `as ${memberId === a ? "a member" : String(memberId)} at ${memberEpoch}`,
        node,
      )
    }
  }
}

async function askStaticMembers(asker: Asker): Promise<void> {
  const node = await asker.coordinator("g-fixed")
  const beat = (memberId: string, note: string, more: object = {}) =>
    asker.call(
      consumerGroupHeartbeat,
      1,
      { groupId: "g-fixed", memberId, instanceId: "i-1", memberEpoch: 0, ...more },
      note,
      node,
    )
  const [a, b] = [member("d"), member("e")]
  const whole = { ...joining, subscribedTopicNames: ["g-one"] }
  await beat(a, "static: joins", whole)
  await beat(b, "static: the instance is in use", whole)
  await beat(a, "static: goes for a while", { memberEpoch: -2 })
  await asker.call(
    consumerGroupDescribe,
    1,
    { groupIds: ["g-fixed"] },
    "static: while it is away",
    node,
  )
  await beat(b, "static: comes back under another id", whole)
  await beat(a, "static: the one before is fenced", { memberEpoch: 2 })
  await beat(b, "static: another instance", { memberEpoch: 2, instanceId: "i-2" })
  await beat(b, "static: leaves for good", { memberEpoch: -1 })
}
