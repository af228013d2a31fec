/** ListOffsets and OffsetForLeaderEpoch as single operations at the leader. */
import { errorName } from "../../../protocol/error-codes.ts"
import { listOffsets } from "../../../protocol/messages/list-offsets.ts"
import { offsetForLeaderEpoch } from "../../../protocol/messages/offset-for-leader-epoch.ts"
import type { PartitionRef } from "../partition.ts"
import type { RawClient } from "./raw-client.ts"

const timeoutMs = 4000

/** The offset; undefined when it was refused or lost. −1: there is no such record. */
export async function askOffset(
  client: RawClient,
  ref: PartitionRef,
  at: number,
): Promise<number | undefined> {
  const { topic, partition, key } = ref
  const { node, epoch } = client.leaderOf(ref)
  if (node === -1) {
    await client.refresh()
    return undefined
  }
  const unknown = { offset: -1, timestampMs: -1, epoch: -1 }
  const call = { f: "list" as const, partition: key, at, ...unknown }
  const begun = client.ports.recorder.begin(client.name, call)
  const currentLeaderEpoch = client.chance.below(2) === 0 ? epoch : -1
  const asked = { partitionIndex: partition, timestamp: at, currentLeaderEpoch }
  const topics = [{ name: topic.name, partitions: [asked] }]
  const input = { replicaId: -1, topics, timeoutMs: timeoutMs / 2 }
  const reply = await client.ask(node, listOffsets, input, { timeoutMs })
  const told = { node, connection: reply.connection, attempts: 1 }
  const result = reply._tag === "answer" ? reply.answer.topics[0]?.partitions[0] : undefined
  if (result === undefined || result.errorCode !== 0) {
    const error = result === undefined ? "LOST" : errorName(result.errorCode)
    begun.end({ ...told, outcome: "fail", error })
    client.forgetLeader(ref)
    return undefined
  }
  const { offset, timestamp: timestampMs, leaderEpoch } = result
  begun.end({ ...told, outcome: "ok" }, { f: "list", offset, timestampMs, epoch: leaderEpoch })
  return offset
}

export async function askEpochEnd(
  client: RawClient,
  ref: PartitionRef,
  epoch: number,
): Promise<void> {
  const { topic, partition, key } = ref
  const { node } = client.leaderOf(ref)
  if (node === -1) return client.refresh()
  const call = { f: "epochEnd" as const, partition: key, epoch, endOffset: -1, endEpoch: -1 }
  const begun = client.ports.recorder.begin(client.name, call)
  const topics = [{ topic: topic.name, partitions: [{ partition, leaderEpoch: epoch }] }]
  const reply = await client.ask(
    node,
    offsetForLeaderEpoch,
    { replicaId: -1, topics },
    { timeoutMs },
  )
  const told = { node, connection: reply.connection, attempts: 1 }
  const result = reply._tag === "answer" ? reply.answer.topics[0]?.partitions[0] : undefined
  if (result === undefined || result.errorCode !== 0) {
    const error = result === undefined ? "LOST" : errorName(result.errorCode)
    begun.end({ ...told, outcome: "fail", error })
    client.forgetLeader(ref)
    return
  }
  const { endOffset, leaderEpoch: endEpoch } = result
  begun.end({ ...told, outcome: "ok" }, { f: "epochEnd", endOffset, endEpoch })
}
