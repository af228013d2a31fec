import { alterPartitionReassignments } from "../../../src/protocol/messages/alter-partition-reassignments.ts"
import { deleteRecords } from "../../../src/protocol/messages/delete-records.ts"
import { describeLogDirs } from "../../../src/protocol/messages/describe-log-dirs.ts"
import { describeProducers } from "../../../src/protocol/messages/describe-producers.ts"
import { describeQuorum } from "../../../src/protocol/messages/describe-quorum.ts"
import { electLeaders } from "../../../src/protocol/messages/elect-leaders.ts"
import { fetch } from "../../../src/protocol/messages/fetch.ts"
import { listOffsets } from "../../../src/protocol/messages/list-offsets.ts"
import { listPartitionReassignments } from "../../../src/protocol/messages/list-partition-reassignments.ts"
import { produce } from "../../../src/protocol/messages/produce.ts"
import type { Asker } from "../asker.ts"
import { batch } from "./batches.ts"
import { topicLedBy0 } from "./topics-of-our-own.ts"

export async function askAdmin(asker: Asker): Promise<void> {
  const topicId = await topicLedBy0(asker, "a-one")
  const topicData = [{ name: "a-one", topicId, partitionData: [{ index: 0, records: batch(10) }] }]
  await asker.call(produce, 12, { acks: -1, timeoutMs: 8_000, topicData }, "ten records")
  await askRecords(asker)
  await askLeaders(asker)
  const producers = (topics: ReadonlyArray<object>, note: string, node = 0) =>
    asker.call(describeProducers, 0, { topics }, note, node)
  await producers([{ name: "a-nobody", partitionIndexes: [0] }], "an unknown topic")
  await producers([{ name: "a-one", partitionIndexes: [0] }], "none has written")
  await producers([{ name: "a-one", partitionIndexes: [0] }], "not the leader", 1)
  await producers([], "no topics")
  await producers([{ name: "a b", partitionIndexes: [0] }], "a bad name")
  const dirs = (topics: ReadonlyArray<object>, note: string) =>
    asker.every(describeLogDirs, { topics }, note)
  await dirs([{ topic: "a-nobody", partitions: [0] }], "an unknown topic")
  await dirs([{ topic: "a-one", partitions: [9] }], "an unknown partition")
  await dirs([], "no topics")
  const quorum = (topics: ReadonlyArray<object>, note: string) =>
    asker.every(describeQuorum, { topics }, note)
  await quorum([], "no topics")
  await quorum(
    [{ topicName: "__cluster_metadata", partitions: [{ partitionIndex: 1 }] }],
    "partition 1",
  )
  await quorum(
    [0, 0].map((partitionIndex) => ({
      topicName: "__cluster_metadata",
      partitions: [{ partitionIndex }],
    })),
    "twice",
  )
}

async function askRecords(asker: Asker): Promise<void> {
  const remove = (partitions: ReadonlyArray<readonly [number, number]>, note: string, node = 0) =>
    asker.every(
      deleteRecords,
      {
        topics: [
          {
            name: "a-one",
            partitions: partitions.map(([partitionIndex, offset]) => ({ partitionIndex, offset })),
          },
        ],
        timeoutMs: 5_000,
      },
      note,
      node,
    )
  await remove([[0, 4]], "into a batch")
  await remove([[0, 2]], "below the log start")
  await remove([[0, -2]], "offset -2")
  await remove(
    [
      [0, 5],
      [7, 1],
    ],
    "one good, one unknown",
  )
  await remove([[0, 6]], "not the leader", 1)
  await remove([], "no partitions")
  await asker.every(deleteRecords, { topics: [], timeoutMs: 5_000 }, "no topics")
  for (const timestamp of [-2, -1, -3]) {
    const topics = [{ name: "a-one", partitions: [{ partitionIndex: 0, timestamp }] }]
    await asker.call(listOffsets, 7, { replicaId: -1, topics }, `after that: ${timestamp}`)
  }
  for (const fetchOffset of [4, 5, 10]) {
    const partitions = [{ partition: 0, fetchOffset, partitionMaxBytes: 1 << 20 }]
    await asker.call(
      fetch,
      12,
      {
        maxWaitMs: 100,
        minBytes: 1,
        maxBytes: 1 << 20,
        sessionEpoch: -1,
        topics: [{ topic: "a-one", partitions }],
      },
      `after that: ${fetchOffset}`,
    )
  }
}

async function askLeaders(asker: Asker): Promise<void> {
  const elect = (topicPartitions: ReadonlyArray<object> | null, note: string, electionType = 0) =>
    asker.every(
      electLeaders,
      (version) => ({
        electionType: version === 0 ? 0 : electionType,
        topicPartitions,
        timeoutMs: 5_000,
      }),
      note,
    )
  await elect([{ topic: "a-one", partitions: [0, 1] }], "not needed, two")
  await elect([], "nothing")
  await elect([{ topic: "a-one", partitions: [0] }], "unclean, not needed", 1)
  await asker.call(
    electLeaders,
    2,
    { electionType: 9, topicPartitions: [{ topic: "a-one", partitions: [0] }], timeoutMs: 5_000 },
    "an unknown type",
  )
  const move = (partitions: ReadonlyArray<object>, note: string, name = "a-one") =>
    asker.every(
      alterPartitionReassignments,
      { timeoutMs: 5_000, topics: [{ name, partitions }] },
      note,
    )
  await move([{ partitionIndex: 0, replicas: [] }], "to nobody")
  await move([{ partitionIndex: 0, replicas: [0, 0] }], "a broker twice")
  await move([{ partitionIndex: 0, replicas: [-1] }], "a negative broker")
  await move([{ partitionIndex: 9, replicas: [0] }], "an unknown partition")
  await move([{ partitionIndex: 0, replicas: [0] }], "an unknown topic", "a-nobody")
  await move([{ partitionIndex: 0, replicas: [0, 1, 2] }], "where it is")
  await asker.call(listPartitionReassignments, 0, { timeoutMs: 5_000, topics: [] }, "no topics")
  await asker.call(
    listPartitionReassignments,
    0,
    { timeoutMs: 5_000, topics: [{ name: "a-nobody", partitionIndexes: [0] }] },
    "an unknown topic",
  )
}
