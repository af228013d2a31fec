/** ListOffsets and OffsetForLeaderEpoch as single operations at the leader. */
import { errorName } from "../../protocol/error-codes.ts"
import { listOffsets } from "../../protocol/messages/list-offsets.ts"
import { offsetForLeaderEpoch } from "../../protocol/messages/offset-for-leader-epoch.ts"
import { partitionKey } from "../../chaos/history/history.ts"
import type { Client } from "./client.ts"
import type { PartitionRef } from "./topic-table.ts"

const timeoutMs = 4000

/** `done` with −2 when it was refused or lost; −1: there is no such record. */
export function askOffsets(
  client: Client,
  ref: PartitionRef,
  at: number,
  done: (offset: number) => void,
): void {
  const { topic, partition } = ref
  const { history } = client.ports
  const { node, epoch } = client.leaderOf(ref)
  if (node === -1) return client.refresh(() => done(-2))
  const id = history.invoke(client.name, {
    f: "list",
    partition: partitionKey(topic.name, topic.id, partition),
    at,
    offset: -1,
    timestampMs: -1,
    epoch: -1,
  })
  const asked = {
    partitionIndex: partition,
    timestamp: at,
    currentLeaderEpoch: client.prng.below(2) === 0 ? epoch : -1,
  }
  const input = { replicaId: -1, topics: [{ name: topic.name, partitions: [asked] }] }
  client.link.ask(
    node,
    listOffsets,
    client.pick([7, 10]),
    withTimeout(input),
    timeoutMs,
    (reply) => {
      const { answer, connection } = reply
      const told = { node, connection, attempts: 1 }
      const result = typeof answer === "string" ? undefined : answer.topics[0]?.partitions[0]
      if (result === undefined || result.errorCode !== 0) {
        const error = result === undefined ? "LOST" : errorName(result.errorCode)
        history.complete(id, { ...told, outcome: "fail", error })
        return client.refresh(() => done(-2))
      }
      const { offset, timestamp: timestampMs, leaderEpoch } = result
      history.complete(
        id,
        { ...told, outcome: "ok" },
        { f: "list", offset, timestampMs, epoch: leaderEpoch },
      )
      done(offset)
    },
  )
}

const withTimeout = <T>(input: T) => ({ ...input, timeoutMs: timeoutMs / 2 })

export function askEpochEnd(
  client: Client,
  ref: PartitionRef,
  epoch: number,
  done: () => void,
): void {
  const { topic, partition } = ref
  const { history } = client.ports
  const { node } = client.leaderOf(ref)
  if (node === -1) return client.refresh(done)
  const id = history.invoke(client.name, {
    f: "epochEnd",
    partition: partitionKey(topic.name, topic.id, partition),
    epoch,
    endOffset: -1,
    endEpoch: -1,
  })
  const input = {
    replicaId: -1,
    topics: [{ topic: topic.name, partitions: [{ partition, leaderEpoch: epoch }] }],
  }
  client.link.ask(node, offsetForLeaderEpoch, 4, input, timeoutMs, ({ answer, connection }) => {
    const told = { node, connection, attempts: 1 }
    const result = typeof answer === "string" ? undefined : answer.topics[0]?.partitions[0]
    if (result === undefined || result.errorCode !== 0) {
      const error = result === undefined ? "LOST" : errorName(result.errorCode)
      history.complete(id, { ...told, outcome: "fail", error })
      return client.refresh(done)
    }
    const { endOffset, leaderEpoch } = result
    const seen = { f: "epochEnd" as const, endOffset, endEpoch: leaderEpoch }
    history.complete(id, { ...told, outcome: "ok" }, seen)
    done()
  })
}
