/**
 * Who leads and who keeps what, as brokers tell it on their own ports, past the proxy; and the two
 * requests that move leadership and replicas.
 */
import { ClientConnection, KafkaError } from "../../client/index.ts"
import { ErrorCode, errorName } from "../../protocol/error-codes.ts"
import { describeQuorum } from "../../protocol/messages/describe-quorum.ts"
import { electLeaders } from "../../protocol/messages/elect-leaders.ts"
import { metadata } from "../../protocol/messages/metadata.ts"
import {
  alterPartitionReassignments,
  listPartitionReassignments,
} from "../../protocol/reassignments.ts"
import type { Api, RequestInput, ResponseOf } from "../../protocol/schema.ts"
import type { ChaosCluster, ChaosNode } from "../cluster.ts"

export interface PartitionSeen {
  readonly topic: string
  readonly partition: number
  /** −1: nobody. */
  readonly leader: number
  readonly epoch: number
  readonly replicas: ReadonlyArray<number>
  readonly inSync: ReadonlyArray<number>
}

export interface Led {
  /** −1: nobody. */
  readonly leader: number
  readonly epoch: number
}

export interface Move {
  readonly topic: string
  readonly partition: number
  readonly replicas: ReadonlyArray<number>
}

/** What cannot be asked of anybody now rejects with the last failure. */
export interface Admin {
  /** Of every partition what the broker with the greatest epoch says; from nobody: empty. */
  partitions(
    cluster: ChaosCluster,
    topics: ReadonlyArray<string>,
  ): Promise<ReadonlyArray<PartitionSeen>>
  /** Of the metadata group. */
  metadataLeader(cluster: ChaosCluster): Promise<Led>
  /** Hands leadership to the first replica; what is refused ("not needed") is no error. */
  electPreferred(cluster: ChaosCluster, moves: ReadonlyArray<Move>): Promise<void>
  /** Returns when it was taken, not when it is done. Rejects with `KafkaError` when it was not. */
  reassign(cluster: ChaosCluster, moves: ReadonlyArray<Move>): Promise<void>
  /** How many reassignments are under way. */
  reassigning(cluster: ChaosCluster): Promise<number>
}

const askTimeoutMs = 1_000
const changeTimeoutMs = 5_000
const nobody: Led = { leader: -1, epoch: -1 }

export const clientAdmin: Admin = {
  async partitions(cluster, topics) {
    const asked = { topics: topics.map((name) => ({ name })), allowAutoTopicCreation: false }
    const answers = await askAll(cluster, metadata, asked)
    const newest = new Map<string, PartitionSeen>()
    for (const seen of answers.flatMap(partitionsOf)) {
      const key = `${seen.topic}/${seen.partition}`
      if (seen.epoch > (newest.get(key)?.epoch ?? -1)) newest.set(key, seen)
    }
    return [...newest.values()]
  },

  async metadataLeader(cluster) {
    const topics = [{ topicName: "__cluster_metadata", partitions: [{ partitionIndex: 0 }] }]
    const answers = await askAll(cluster, describeQuorum, { topics })
    return answers
      .flatMap((answer) => answer.topics.flatMap((topic) => topic.partitions))
      .filter(({ errorCode }) => errorCode === ErrorCode.NONE)
      .map(({ leaderId, leaderEpoch }): Led => ({ leader: leaderId, epoch: leaderEpoch }))
      .reduce((best, one) => (one.epoch > best.epoch ? one : best), nobody)
  },

  async electPreferred(cluster, moves) {
    const topicPartitions = byTopic(moves).map(([topic, some]) => ({
      topic,
      partitions: some.map(({ partition }) => partition),
    }))
    await askAny(cluster, electLeaders, {
      electionType: 0,
      topicPartitions,
      timeoutMs: changeTimeoutMs,
    })
  },

  async reassign(cluster, moves) {
    const topics = byTopic(moves).map(([name, some]) => ({
      name,
      partitions: some.map(({ partition, replicas }) => ({ partitionIndex: partition, replicas })),
    }))
    const answer = await askAny(cluster, alterPartitionReassignments, {
      topics,
      timeoutMs: changeTimeoutMs,
    })
    const results = answer.responses.flatMap(({ partitions }) => partitions)
    const failed = [answer, ...results].find(({ errorCode }) => errorCode !== ErrorCode.NONE)
    if (failed === undefined) return
    const { errorCode, errorMessage } = failed
    const why = errorMessage ?? errorName(errorCode)
    throw new KafkaError(errorCode, `the reassignment was refused: ${why}`)
  },

  async reassigning(cluster) {
    const answer = await askAny(cluster, listPartitionReassignments, { topics: null })
    if (answer.errorCode !== ErrorCode.NONE) {
      throw new KafkaError(answer.errorCode, "reassignments cannot be listed now")
    }
    return answer.topics.flatMap(({ partitions }) => partitions).length
  },
}

const partitionsOf = (answer: ResponseOf<typeof metadata>): ReadonlyArray<PartitionSeen> =>
  answer.topics.flatMap(({ name, partitions }) =>
    partitions.map((one) => ({
      topic: name ?? "",
      partition: one.partitionIndex,
      leader: one.leaderId,
      epoch: one.leaderEpoch,
      replicas: one.replicaNodes,
      inSync: one.isrNodes,
    })),
  )

const byTopic = (moves: ReadonlyArray<Move>) => [
  ...Map.groupBy(moves, ({ topic }) => topic).entries(),
]

/** Everybody at the same time; those that do not answer are left out. */
async function askAll<A extends Api>(
  cluster: ChaosCluster,
  api: A,
  input: RequestInput<A>,
): Promise<ReadonlyArray<ResponseOf<A>>> {
  const running = cluster.nodes.filter(({ id }) => cluster.pidOf(id) !== undefined)
  const answers = running.map((node) => ask(node, api, input, askTimeoutMs).catch(() => undefined))
  return (await Promise.all(answers)).filter((answer) => answer !== undefined)
}

/** One after the other, until one answers. */
async function askAny<A extends Api>(
  cluster: ChaosCluster,
  api: A,
  input: RequestInput<A>,
): Promise<ResponseOf<A>> {
  let failure: unknown = new Error("no broker runs")
  for (const node of cluster.nodes) {
    if (cluster.pidOf(node.id) === undefined) continue
    try {
      return await ask(node, api, input, changeTimeoutMs + askTimeoutMs)
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

async function ask<A extends Api>(
  { direct }: ChaosNode,
  api: A,
  input: RequestInput<A>,
  timeoutMs: number,
): Promise<ResponseOf<A>> {
  const options = { host: direct.host, port: direct.port, clientId: "nemesis" }
  const connection = await ClientConnection.connect({ ...options, timeoutMs: askTimeoutMs })
  try {
    return await connection.request(api, input, { timeoutMs })
  } finally {
    connection.close()
  }
}
