import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import {
  brokerLost,
  fenceBroker,
  mayLead,
  movesBack,
  nextCandidate,
  unfenceBroker,
} from "../../src/cluster/assignment.ts"
import type { LeadershipView } from "../../src/cluster/assignment.ts"
import type { MetadataImage, PartitionInfo } from "../../src/cluster/image.ts"
import type { MetadataRecord } from "../../src/cluster/records.ts"
import { ascending, clusterOf, commit, diskOf, registered, withTopic } from "./fixture.ts"

/** Every replica in sync, everybody leads what it was assigned. */
const healthy = (image: MetadataImage): LeadershipView => ({
  isrOf: (group) => image.groups.get(group)?.replicas,
  leaderOf: (group) => image.groups.get(group)?.assignedLeader,
})

const fenced = (id: number): MetadataRecord => ({ _tag: "BrokerFenced", brokerId: id })

const replacedDisk = (id: number): MetadataRecord => ({
  ...registered(id),
  _tag: "BrokerRegistered",
  brokerId: id,
  diskUuid: diskOf(id, 1),
  incarnation: "1".repeat(32),
  host: "h",
  port: 1,
  rack: null,
})

const countBy = (ids: Iterable<number>): Map<number, number> => {
  const counts = new Map<number, number>()
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1)
  return counts
}

const leaders = (image: MetadataImage): ReadonlyArray<number> =>
  [...image.groups.values()].map((partition) => partition.assignedLeader)

const spread = (counts: ReadonlyArray<number>): number => Math.max(...counts) - Math.min(...counts)

const partitionAt = (image: MetadataImage, topic: string, number: number): PartitionInfo =>
  image.topics.get(topic)!.partitions[number]!

describe("a broker is lost", () => {
  test("one decision; everything it led is spread evenly over the survivors", () => {
    for (const partitions of [1, 2, 7, 100, 1000]) {
      const image = withTopic(clusterOf(3), "t", partitions, 3)
      const after = commit(image, fenceBroker(image, 1, healthy(image)))
      const counts = countBy(leaders(after))
      expect(counts.has(1)).toBe(false)
      expect(spread([counts.get(0) ?? 0, counts.get(2) ?? 0])).toBeLessThanOrEqual(1)
      expect(after.index).toBe(image.index + 1)
      expect(after.brokers.get(1)!.fenced).toBe(true)
    }
  })

  test("only in-sync replicas whose disk votes; nothing moves that did not have to", () => {
    const scenario = fc.record({
      brokers: fc.integer({ min: 2, max: 6 }),
      partitions: fc.integer({ min: 1, max: 40 }),
      factor: fc.integer({ min: 1, max: 3 }),
      lost: fc.nat(),
      fencedToo: fc.option(fc.nat()),
      replaced: fc.option(fc.nat()),
      outOfSync: fc.infiniteStream(fc.boolean()),
      known: fc.infiniteStream(fc.integer({ min: 0, max: 5 })),
    })
    fc.assert(
      fc.property(scenario, (s) => {
        const { brokers } = s
        let image = withTopic(clusterOf(brokers), "t", s.partitions, Math.min(s.factor, brokers))
        const lost = s.lost % brokers
        if (s.fencedToo !== null) image = commit(image, [fenced(s.fencedToo % brokers)])
        if (s.replaced !== null) image = commit(image, [replacedDisk(s.replaced % brokers)])
        const isrs = new Map<number, ReadonlyArray<number> | undefined>()
        for (const { group, replicas } of image.groups.values()) {
          const known = s.known.next().value! > 0
          isrs.set(group, known ? replicas.filter(() => s.outOfSync.next().value!) : undefined)
        }
        const view: LeadershipView = {
          isrOf: (group) => isrs.get(group),
          leaderOf: (group) => image.groups.get(group)!.assignedLeader,
        }
        const decided = brokerLost(image, lost, view)?.assignments ?? []
        expect(new Set(decided.map((a) => a.group)).size).toBe(decided.length)
        for (const { group, leader, how } of decided) {
          const partition = image.groups.get(group)!
          expect(partition.assignedLeader).toBe(lost)
          expect(how).toBe("campaign")
          expect(leader).not.toBe(lost)
          expect(partition.replicas).toContain(leader)
          const isr = isrs.get(group)
          if (isr !== undefined) expect(isr).toContain(leader)
          const broker = image.brokers.get(leader)!
          expect(broker.fenced).toBe(false)
          expect(partition.members).toContain(`${leader}/${broker.diskUuid}`)
        }
        // Whoever could be assigned, was.
        for (const partition of image.groups.values()) {
          if (partition.assignedLeader !== lost) continue
          const isr = isrs.get(partition.group)
          const able = partition.replicas.filter(
            (id) =>
              id !== lost &&
              mayLead(image, partition, id) &&
              (isr === undefined || isr.includes(id)),
          )
          expect(decided.some((a) => a.group === partition.group)).toBe(able.length > 0)
        }
      }),
      { numRuns: 300 },
    )
  })

  test("what somebody else leads by now is left alone; what it leads unassigned is not", () => {
    const image = withTopic(clusterOf(3), "t", 3, 3)
    const groups = [...image.groups.values()]
    const lost = groups[0]!.assignedLeader
    const other = groups[0]!.replicas[1]!
    const view: LeadershipView = {
      isrOf: (group) => image.groups.get(group)!.replicas,
      // It lost the first to another one, and took over the second from its assigned leader.
      leaderOf: (group) => (group === groups[0]!.group ? other : lost),
    }
    const assigned = brokerLost(image, lost, view)!.assignments.map((a) => a.group)
    expect(ascending(assigned)).toEqual([groups[1]!.group, groups[2]!.group])
  })

  test("fencing twice, or somebody unknown, decides nothing", () => {
    const image = withTopic(clusterOf(3), "t", 3, 3)
    const once = commit(image, fenceBroker(image, 0, healthy(image)))
    expect(fenceBroker(once, 0, healthy(once))).toEqual([])
    expect(fenceBroker(image, 9, healthy(image))).toEqual([])
    expect(unfenceBroker(image, 0)).toEqual([])
    expect(commit(once, unfenceBroker(once, 0)).brokers.get(0)!.fenced).toBe(false)
  })
})

describe("an assigned campaign that failed", () => {
  const image = withTopic(clusterOf(3), "t", 1, 3)
  const partition = partitionAt(image, "t", 0)
  const first = partition.replicas[0]!
  const second = partition.replicas[1]!
  const third = partition.replicas[2]!

  test("the in-sync ones are tried first, then any voter, then nobody", () => {
    expect(nextCandidate(image, partition, [third], new Set())).toBe(third)
    expect(nextCandidate(image, partition, [third], new Set([third]))).toBe(first)
    expect(nextCandidate(image, partition, undefined, new Set([first]))).toBe(second)
    expect(nextCandidate(image, partition, undefined, new Set([0, 1, 2]))).toBeUndefined()
    const wiped = commit(image, [replacedDisk(second)])
    expect(nextCandidate(wiped, partition, undefined, new Set([first]))).toBe(third)
  })
})

const always = () => true
const lostAndBack = () => {
  const image = withTopic(clusterOf(3), "t", 30, 3)
  const after = commit(image, fenceBroker(image, 1, healthy(image)))
  return commit(after, unfenceBroker(after, 1))
}

describe("leadership moves back", () => {
  test("nothing to do: nothing moves", () => {
    const image = withTopic(clusterOf(3), "t", 30, 3)
    expect(movesBack(image, healthy(image), always, 100)).toBeUndefined()
  })

  test("in bounded batches, to preferred leaders that are in sync, until all is as it was", () => {
    let image = lostAndBack()
    const moved: Array<number> = []
    for (;;) {
      const batch = movesBack(image, healthy(image), always, 4)
      if (batch === undefined) break
      expect(batch.assignments.length).toBeLessThanOrEqual(4)
      for (const { group, leader, how } of batch.assignments) {
        expect([leader, how]).toEqual([1, "transfer"])
        moved.push(group)
      }
      image = commit(image, [batch])
    }
    expect(moved.length).toBe(10)
    expect(leaders(image)).toEqual([...image.groups.values()].map((p) => p.replicas[0]!))
  })

  test("not while the preferred one is out of sync, fenced, on a new disk, or nobody leads", () => {
    const image = lostAndBack()
    const view = healthy(image)
    const without1 = (group: number) => view.isrOf(group)!.filter((id) => id !== 1)
    expect(movesBack(image, { ...view, isrOf: without1 }, always, 100)).toBeUndefined()
    expect(movesBack(image, { ...view, isrOf: () => undefined }, always, 100)).toBeUndefined()
    expect(movesBack(image, { ...view, leaderOf: () => -1 }, always, 100)).toBeUndefined()
    expect(movesBack(commit(image, [fenced(1)]), view, always, 100)).toBeUndefined()
    expect(movesBack(commit(image, [replacedDisk(1)]), view, always, 100)).toBeUndefined()
    expect(movesBack(image, view, () => false, 100)).toBeUndefined()
    expect(movesBack(image, view, always, 0)).toBeUndefined()
  })
})
