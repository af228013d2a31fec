import { offsetCommit } from "../../../src/protocol/messages/offset-commit.ts"
import { offsetDelete } from "../../../src/protocol/messages/offset-delete.ts"
import { offsetFetch } from "../../../src/protocol/messages/offset-fetch.ts"
import type { Asker } from "../asker.ts"
import { nobodyId, topicLedBy0 } from "./topics-of-our-own.ts"

interface Wanted {
  readonly name: string
  readonly topicId: string
  readonly partitionIndexes: ReadonlyArray<number>
}

interface Committed {
  readonly partitionIndex: number
  readonly committedOffset: number
  readonly committedLeaderEpoch?: number
  readonly committedMetadata?: string | null
}

export async function askCommittedOffsets(asker: Asker): Promise<void> {
  const topicId = await topicLedBy0(asker, "o-one")
  const node = await asker.coordinator("o-group")
  const outside = { groupId: "o-group", generationIdOrMemberEpoch: -1, memberId: "" }
  const commit = (partitions: ReadonlyArray<Committed>, note: string, more: object = {}) =>
    asker.every(
      offsetCommit,
      { ...outside, topics: [{ name: "o-one", topicId, partitions }], ...more },
      note,
      node,
    )
  await commit(
    [
      {
        partitionIndex: 0,
        committedOffset: 7,
        committedLeaderEpoch: 3,
        committedMetadata: "at seven",
      },
    ],
    "with metadata and epoch",
  )
  await commit(
    [
      { partitionIndex: 1, committedOffset: 0 },
      { partitionIndex: 9, committedOffset: 1 },
    ],
    "one good, one unknown partition",
  )
  await commit([{ partitionIndex: 0, committedOffset: -1 }], "a negative offset")
  await commit(
    [
      { partitionIndex: 0, committedOffset: 1 },
      { partitionIndex: 0, committedOffset: 2 },
    ],
    "the same partition twice",
  )
  await commit([{ partitionIndex: 0, committedOffset: 5 }], "generation 3 into a simple group", {
    generationIdOrMemberEpoch: 3,
    memberId: "who",
  })
  await commit([], "no partitions")
  await asker.every(offsetCommit, { ...outside, topics: [] }, "no topics", node)
  await askFetches(asker, topicId, node)
  await askRemovals(asker, node)
}

async function askRemovals(asker: Asker, node: number): Promise<void> {
  const remove = (
    groupId: string,
    topics: ReadonlyArray<readonly [string, ReadonlyArray<number>]>,
    note: string,
  ) =>
    asker.call(
      offsetDelete,
      0,
      {
        groupId,
        topics: topics.map(([name, partitions]) => ({
          name,
          partitions: partitions.map((partitionIndex) => ({ partitionIndex })),
        })),
      },
      note,
      node,
    )
  await remove(
    "o-group",
    [
      ["o-one", [0, 1, 9]],
      ["o-nobody", [0]],
    ],
    "two there, one not, an unknown topic",
  )
  await remove("o-group", [["o-one", [0]]], "again")
  await remove("o-group", [], "nothing")
}

async function askFetches(asker: Asker, topicId: string, node: number): Promise<void> {
  const fetched = (topics: ReadonlyArray<Wanted> | null, note: string, more: object = {}) =>
    asker.every(
      offsetFetch,
      (version) =>
        topics === null && version < 2
          ? undefined
          : {
              groupId: "o-group",
              topics: version < 8 ? named(topics) : null,
              groups: [{ groupId: "o-group", topics, ...more }],
            },
      note,
      node,
    )
  const one = { name: "o-one", topicId, partitionIndexes: [0, 1, 9] }
  await fetched([one], "two committed, one unknown")
  await fetched([], "no topics")
  await fetched(
    [one, { name: "o-nobody", topicId: nobodyId, partitionIndexes: [0] }],
    "one topic unknown",
  )
  await fetched(null, "all")
  for (const version of [8, 9, 10]) {
    await asker.call(offsetFetch, version, { groups: [] }, "no groups", node)
    await asker.call(
      offsetFetch,
      version,
      {
        groups: [
          { groupId: "o-group", topics: [one] },
          { groupId: "o-group", topics: null },
        ],
      },
      "the same group twice",
      node,
    )
  }
  for (const version of [9, 10]) {
    await fetchedAs(
      asker,
      version,
      { memberId: "who", memberEpoch: 3 },
      "as a member that is none",
      node,
    )
    await fetchedAs(
      asker,
      version,
      { memberId: "who", memberEpoch: -1 },
      "with a member id and no epoch",
      node,
    )
  }
}

/** Before version 8 a topic has no id. */
const named = (topics: ReadonlyArray<Wanted> | null) =>
  topics?.map(({ name, partitionIndexes }) => ({ name, partitionIndexes })) ?? null

const fetchedAs = (asker: Asker, version: number, member: object, note: string, node: number) =>
  asker.call(
    offsetFetch,
    version,
    { groups: [{ groupId: "o-group", topics: null, ...member }] },
    note,
    node,
  )
