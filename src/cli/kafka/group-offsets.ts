/** How far a group has read of each partition, and who reads it. */
import type { Client } from "../../client/client.ts"
import type { GroupDescription, GroupMember } from "../../client/groups.ts"
import { committedOffsets, logOffsets, offsetNames } from "../../client/offsets.ts"
import { byTopicAndPartition, partitionName } from "../../client/topic-partition.ts"
import type { TopicPartition } from "../../client/topic-partition.ts"
import type { OffsetRow } from "./groups-tables.ts"

/** Members by how much they hold, then what nobody holds. */
export async function offsetRows(
  client: Client,
  group: GroupDescription,
  timeoutMs: number,
): Promise<ReadonlyArray<OffsetRow>> {
  const committed = await committedOffsets(client, group.groupId, undefined, timeoutMs)
  const known = new Map(committed.map((one) => [partitionName(one), one]))
  const rowsOf = (partitions: ReadonlyArray<TopicPartition>, member: GroupMember | undefined) =>
    partitions.toSorted(byTopicAndPartition).map(({ topic, partition }) => {
      const own = known.get(partitionName({ topic, partition }))
      const leaderEpoch = own === undefined || own.leaderEpoch < 0 ? undefined : own.leaderEpoch
      return { group: group.groupId, topic, partition, offset: own?.offset, leaderEpoch, member }
    })
  const held = new Set(group.members.flatMap(({ assignment }) => assignment.map(partitionName)))
  const rows = [
    ...group.members
      .toSorted((a, b) => b.assignment.length - a.assignment.length)
      .flatMap((member) => rowsOf(member.assignment, member)),
    ...rowsOf(
      committed.filter((one) => !held.has(partitionName(one))),
      undefined,
    ),
  ]
  const ends = await logEnds(client, rows, timeoutMs)
  return rows.map((row) => ({ ...row, logEndOffset: ends.get(partitionName(row)) }))
}

/** Of partitions that have a leader. */
async function logEnds(
  client: Client,
  partitions: ReadonlyArray<TopicPartition>,
  timeoutMs: number,
): Promise<ReadonlyMap<string, number>> {
  if (partitions.length === 0) return new Map()
  await client.metadata([...new Set(partitions.map(({ topic }) => topic))])
  const led = partitions.filter((one) => (client.knownLeader(one)?.nodeId ?? -1) >= 0)
  return logOffsets(client, led, offsetNames.latest, { timeoutMs })
}
