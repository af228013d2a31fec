/** Reassignments in a simulated cluster, in the words of the tests. */
import type { PartitionInfo } from "../../src/cluster/image.ts"
import { nodeOf } from "../../src/cluster/members.ts"
import {
  alterPartitionReassignments,
  listPartitionReassignments,
} from "../../src/protocol/reassignments.ts"
import { createTopics } from "../../src/protocol/messages/create-topics.ts"
import type { World } from "./world.ts"

export function createAssigned(
  world: World,
  name: string,
  assignments: ReadonlyArray<ReadonlyArray<number>>,
  configs: Record<string, string> = {},
): void {
  const response = world.call(0, createTopics, 7, {
    topics: [
      {
        name,
        numPartitions: -1,
        replicationFactor: -1,
        assignments: assignments.map((brokerIds, partitionIndex) => ({
          partitionIndex,
          brokerIds,
        })),
        configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
      },
    ],
    timeoutMs: 10_000,
  })
  const code = response.topics[0]?.errorCode
  if (code !== 0) throw new Error(`CreateTopics: error ${code}`)
}

/** The error code; null cancels. */
export function reassign(
  world: World,
  at: number,
  topic: string,
  replicas: ReadonlyArray<number> | null,
  partition = 0,
): number {
  const response = world.call(at, alterPartitionReassignments, 1, {
    timeoutMs: 10_000,
    topics: [{ name: topic, partitions: [{ partitionIndex: partition, replicas }] }],
  })
  return response.responses[0]?.partitions[0]?.errorCode ?? response.errorCode
}

export function reassignments(world: World, at: number) {
  return world.call(at, listPartitionReassignments, 0, { timeoutMs: 5000, topics: null }).topics
}

/** As the running broker that has applied most has it. */
export function partitionIn(world: World, topic: string, partition = 0): PartitionInfo {
  const nodes = world.running().flatMap(({ node }) => node ?? [])
  const newest = nodes.reduce((a, b) => (b.image.index > a.image.index ? b : a))
  const info = newest.image.topics.get(topic)?.partitions[partition]
  if (info === undefined) throw new Error(`${topic}-${partition} is not there`)
  return info
}

/** Brokers that hold a log with entries of the partition; the witness apart. */
export function holders(world: World, topic: string, partition = 0): ReadonlyArray<number> {
  const { group, witness } = partitionIn(world, topic, partition)
  return world.brokers.flatMap(({ id, wal }) =>
    id !== witness && wal.log(group).lastIndex > 0 ? [id] : [],
  )
}

/** Voters as the leader has them; undefined while none leads or the change is not committed. */
export function votersOf(
  world: World,
  topic: string,
  partition = 0,
): ReadonlyArray<number> | undefined {
  const { group } = partitionIn(world, topic, partition)
  for (const { node } of world.running()) {
    const led = node?.partition(group)
    if (led === undefined || !led.isLeader) continue
    const { configuration } = led.raftGroup.node
    if (configuration.votersOutgoing.length > 0 || configuration.learners.length > 0)
      return undefined
    return configuration.voters.map(nodeOf).toSorted((a, b) => a - b)
  }
  return undefined
}

/** Nothing is under way for it, and the group's members are the replicas. */
export function isSettled(world: World, topic: string, partition = 0): boolean {
  if (!world.running().some(({ node }) => node?.image.topics.has(topic))) return false
  const { adding, removing, departing, replicas, witness } = partitionIn(world, topic, partition)
  if (adding.length + removing.length + departing.length > 0) return false
  const wanted = [...replicas, ...(witness === -1 ? [] : [witness])].toSorted((a, b) => a - b)
  const voters = votersOf(world, topic, partition)
  return voters !== undefined && wanted.join() === voters.join()
}
