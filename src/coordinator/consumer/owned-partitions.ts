/**
 * Partitions that a member has, each with the epoch in which it was assigned to it: what commits
 * with an older epoch are judged by (KIP-1251). Never changed in place.
 */
import type { Uuid } from "../../protocol/schema.ts"

export type OwnedPartitions = ReadonlyMap<Uuid, ReadonlyMap<number, number>>

export const nonePartitions: OwnedPartitions = new Map()

/** As a member reports them; the wire allows an id twice. */
export type ReportedPartitions = ReadonlyArray<{
  readonly topicId: Uuid
  readonly partitions: ReadonlyArray<number>
}>

export const hasPartition = (owned: OwnedPartitions, topicId: Uuid, partition: number): boolean =>
  owned.get(topicId)?.has(partition) === true

export function equalPartitions(a: OwnedPartitions, b: OwnedPartitions): boolean {
  if (a === b) return true
  if (a.size !== b.size) return false
  for (const [topicId, partitions] of a) {
    const others = b.get(topicId)
    if (others === undefined || others.size !== partitions.size) return false
    for (const [partition, epoch] of partitions) if (others.get(partition) !== epoch) return false
  }
  return true
}

export const isReportedWithin = (
  reported: ReportedPartitions | null,
  owned: OwnedPartitions,
): boolean =>
  reported !== null &&
  reported.every(
    ({ topicId, partitions }) =>
      partitions.every((partition) => hasPartition(owned, topicId, partition)) &&
      owned.has(topicId),
  )

/** Nothing reported means that the member has not said, and may still have any of them. */
export const mayStillOwn = (reported: ReportedPartitions | null, owned: OwnedPartitions): boolean =>
  reported === null ||
  reported.some(({ topicId, partitions }) =>
    partitions.some((partition) => hasPartition(owned, topicId, partition)),
  )

/** All partitions of both; where both have one, the epoch of `b`. */
export function unionOf(a: OwnedPartitions, b: OwnedPartitions): OwnedPartitions {
  if (b.size === 0) return a
  const union = new Map(a)
  for (const [topicId, partitions] of b) {
    union.set(topicId, new Map([...(union.get(topicId) ?? []), ...partitions]))
  }
  return union
}

/** Every partition with the same epoch. */
export function withEpoch(
  partitions: ReadonlyMap<Uuid, Iterable<number>>,
  epoch: number,
): OwnedPartitions {
  const owned = new Map<Uuid, Map<number, number>>()
  for (const [topicId, own] of partitions) {
    owned.set(topicId, new Map([...own].map((partition) => [partition, epoch])))
  }
  return owned
}

export function partitionsOf(owned: OwnedPartitions): Map<Uuid, Set<number>> {
  return new Map([...owned].map(([topicId, partitions]) => [topicId, new Set(partitions.keys())]))
}

/** For an answer: partitions ascending, topics as they stand. */
export const listPartitions = (
  partitions: ReadonlyMap<Uuid, ReadonlyMap<number, number> | ReadonlySet<number>>,
): Array<{ topicId: Uuid; partitions: number[] }> =>
  [...partitions].map(([topicId, own]) => ({
    topicId,
    partitions: [...own.keys()].sort((a, b) => a - b),
  }))
