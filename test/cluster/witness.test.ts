import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { missingWitnesses } from "../../src/cluster/change-membership.ts"
import { createTopics } from "../../src/cluster/create-topics.ts"
import { partitionOf } from "../../src/cluster/image.ts"
import type { MetadataImage } from "../../src/cluster/image.ts"
import { groupConfiguration, nodeOf } from "../../src/cluster/members.ts"
import { goalConfiguration } from "../../src/cluster/membership.ts"
import { alterPartitionReassignments } from "../../src/cluster/reassign.ts"
import { clusterOf, commit, contextOf, topicRequest, withTopic } from "./fixture.ts"
import { sorted } from "../support/sorted.ts"

const create = (
  image: MetadataImage,
  topic: Parameters<typeof topicRequest>[0][number],
  live?: ReadonlyArray<number>,
): MetadataImage => {
  const liveBrokers = new Set(live ?? image.brokers.keys())
  const context = contextOf(image, { placeWitnesses: true, liveBrokers })
  const { records, response } = createTopics(image, topicRequest([topic]), context)
  expect(response.topics?.[0]?.errorCode).toBe(0)
  return commit(image, records)
}

const two = { numPartitions: 1, replicationFactor: 2 }

describe("a witness", () => {
  test("is placed for two replicas, on a third broker, as a founding voter", () => {
    const image = create(clusterOf(3), { name: "t", ...two })
    const info = partitionOf(image, "t", 0)!
    expect(sorted([...info.replicas, info.witness])).toEqual([0, 1, 2])
    const founding = groupConfiguration(info)
    expect(founding.voters.map(nodeOf)).toEqual([...info.replicas, info.witness])
    expect(founding.witnesses.map(nodeOf)).toEqual([info.witness])
    expect(goalConfiguration(info, image.brokers)).toEqual(founding)
  })

  test("is not placed for other factors, without a third broker, or when switched off", () => {
    for (const factor of [1, 3, 4]) {
      const image = create(clusterOf(5), { name: "t", numPartitions: 3, replicationFactor: factor })
      for (const { witness } of image.groups.values()) expect(witness).toBe(-1)
    }
    expect(partitionOf(create(clusterOf(2), { name: "t", ...two }), "t", 0)!.witness).toBe(-1)
    expect(partitionOf(withTopic(clusterOf(3), "t", 1, 2), "t", 0)!.witness).toBe(-1)
  })

  test("goes to a live broker in a rack of its own, if there is one", () => {
    const assignments = [{ partitionIndex: 0, brokerIds: [0, 1] }]
    const racked = clusterOf(5, (id) => ["a", "b", "a", "b", "c"][id]!)
    expect(partitionOf(create(racked, { name: "t", assignments }), "t", 0)!.witness).toBe(4)
    const one = create(racked, { name: "t", assignments }, [0, 1, 3])
    expect(partitionOf(one, "t", 0)!.witness).toBe(3)
    const none = create(racked, { name: "t", assignments }, [0, 1])
    expect([2, 3, 4]).toContain(partitionOf(none, "t", 0)!.witness)
  })

  test("witnesses of a topic lie evenly, and beside the replicas", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 3, max: 9 }),
        fc.integer({ min: 1, max: 60 }),
        fc.nat({ max: 5 }),
        (brokers, numPartitions, earlier) => {
          const before = create(clusterOf(brokers), {
            name: "earlier",
            numPartitions: earlier + 1,
            replicationFactor: 1,
          })
          const image = create(before, { name: "t", numPartitions, replicationFactor: 2 })
          const counts = Array.from({ length: brokers }, () => 0)
          for (const { replicas, witness } of image.topics.get("t")!.partitions) {
            expect(witness).not.toBe(-1)
            expect(replicas).not.toContain(witness)
            counts[witness]!++
          }
          expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(2)
        },
      ),
    )
  })

  test("is found for partitions that came to be without one", () => {
    const image = withTopic(clusterOf(4), "t", 8, 2)
    const context = contextOf(image, { placeWitnesses: true })
    const records = missingWitnesses(image, context, 100)
    const after = commit(image, records)
    const counts = [0, 0, 0, 0]
    for (const { replicas, witness, foundingWitness } of after.groups.values()) {
      expect(replicas).not.toContain(witness)
      expect(foundingWitness).toBe(null)
      counts[witness]!++
    }
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(2)
    expect(missingWitnesses(after, context, 100)).toEqual([])
    expect(missingWitnesses(image, context, 3).length).toBe(3)
    expect(missingWitnesses(image, contextOf(image), 100)).toEqual([])
  })

  test("whose broker is lost is replaced by a reassignment, even to the same replicas", () => {
    const image = create(clusterOf(4), { name: "t", ...two })
    const { replicas, witness } = partitionOf(image, "t", 0)!
    const again = (liveBrokers: ReadonlySet<number>) => {
      const topics = [{ name: "t", partitions: [{ partitionIndex: 0, replicas }] }]
      const request = { timeoutMs: 1, allowReplicationFactorChange: true, topics }
      const context = contextOf(image, { placeWitnesses: true, liveBrokers })
      return commit(image, alterPartitionReassignments(image, request, context).records)
    }
    expect(again(new Set([0, 1, 2, 3]))).toBe(image)
    const info = partitionOf(again(new Set(replicas)), "t", 0)!
    expect([info.witness, info.leavingWitnesses]).toEqual([-1, [witness]])
  })
})
