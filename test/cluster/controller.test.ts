/**
 * Answers that the recordings do not hold. Words are those of Kafka's controller where it has such
 * a case.
 */
import { describe, expect, test } from "bun:test"
import { createPartitions } from "../../src/cluster/create-partitions.ts"
import type { CreatePartitionsRequest } from "../../src/cluster/create-partitions.ts"
import { createTopics } from "../../src/cluster/create-topics.ts"
import { deleteTopics } from "../../src/cluster/delete-topics.ts"
import type { DeleteTopicsRequest } from "../../src/cluster/delete-topics.ts"
import type { MetadataImage } from "../../src/cluster/image.ts"
import { ErrorCode } from "../../src/protocol/error-codes.ts"
import { zeroUuid } from "../../src/protocol/uuid.ts"
import {
  ascending,
  clusterOf,
  commit,
  contextOf,
  diskOf,
  topicRequest,
  withTopic,
} from "./fixture.ts"

type Topics = Parameters<typeof topicRequest>[0]

const create = (image: MetadataImage, topics: Topics, context = contextOf(image)) => {
  const { response, records } = createTopics(image, topicRequest(topics), context)
  const results = (response.topics ?? []).map((t) => [t.name, t.errorCode, t.errorMessage] as const)
  return { results, image: commit(image, records) }
}

const assigned = (...lists: ReadonlyArray<readonly [number, ReadonlyArray<number>]>) => [
  {
    name: "t",
    assignments: lists.map(([partitionIndex, brokerIds]) => ({ partitionIndex, brokerIds })),
  },
]

const one = (name: string) => [{ name, numPartitions: 1, replicationFactor: 1 }]

describe("CreateTopics", () => {
  const image = clusterOf(3)

  test("defaults stand in for -1", () => {
    const defaults = { numPartitions: 4, replicationFactor: 3, brokerConfigs: new Map() }
    const context = { ...contextOf(image), defaults }
    const after = create(image, [{ name: "t" }], context).image.topics.get("t")!
    expect(after.partitions.map((p) => p.replicas.length)).toEqual([3, 3, 3, 3])
  })

  test("one bad topic does not hold up the others; answers come in the order asked", () => {
    const { results, image: after } = create(image, [
      { name: "a", numPartitions: 1, replicationFactor: 1 },
      { name: "b", numPartitions: 0, replicationFactor: 1 },
      { name: "twice" },
      { name: "c", numPartitions: 1, replicationFactor: 1 },
      { name: "twice" },
      { name: "twice" },
    ])
    expect(results.map(([name, code]) => [name, code])).toEqual([
      ["a", ErrorCode.NONE],
      ["b", ErrorCode.INVALID_PARTITIONS],
      ["c", ErrorCode.NONE],
      ["twice", ErrorCode.INVALID_REQUEST],
    ])
    expect([...after.topics.keys()].toSorted()).toEqual(["a", "c"])
  })

  test("every partition is assigned to its preferred leader, on the disks of now", () => {
    const after = withTopic(image, "t", 6, 3)
    for (const partition of after.groups.values()) {
      expect(partition.assignedLeader).toBe(partition.replicas[0]!)
      expect([partition.assignedHow, partition.assignedIndex]).toEqual(["campaign", after.index])
      expect(partition.members).toEqual(partition.replicas.map((id) => `${id}/${diskOf(id)}`))
    }
  })

  test("leaders take turns across requests and topics", () => {
    let next = clusterOf(3)
    for (let i = 0; i < 9; i++) next = withTopic(next, `t${i}`, 1, 2)
    const leaders = [...next.groups.values()].map((p) => p.assignedLeader)
    expect(ascending(leaders)).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2])
    const { image: batch } = create(
      clusterOf(3),
      ["a", "b", "c", "d", "e", "f"].map((name) => ({
        name,
        numPartitions: 1,
        replicationFactor: 1,
      })),
    )
    expect(ascending([...batch.groups.values()].map((p) => p.assignedLeader))).toEqual([
      0, 0, 1, 1, 2, 2,
    ])
  })

  test("with a broker down: placed, but led by the living; by too few living: refused", () => {
    const down = commit(image, [{ _tag: "BrokerFenced", brokerId: 1 }])
    const after = withTopic(down, "t", 6, 3)
    const leaders = [...after.groups.values()].map((p) => p.assignedLeader)
    expect(ascending(leaders)).toEqual([0, 0, 0, 2, 2, 2])
    const alone = commit(down, [{ _tag: "BrokerFenced", brokerId: 2 }])
    const three = [{ name: "u", numPartitions: 1, replicationFactor: 3 }]
    expect(create(alone, three).results[0]![1]).toBe(ErrorCode.INVALID_REPLICATION_FACTOR)
    expect(create(alone, one("u")).image.topics.get("u")!.partitions[0]!.replicas).toEqual([0])
    const none = { ...contextOf(image), liveBrokers: new Set<number>() }
    expect(create(image, one("u"), none).results[0]![1]).toBe(ErrorCode.INVALID_REPLICATION_FACTOR)
    const manual = [{ name: "u", assignments: [{ partitionIndex: 0, brokerIds: [2, 0] }] }]
    const led = create(alone, manual).image.topics.get("u")!.partitions[0]!
    expect([led.replicas, led.assignedLeader]).toEqual([[2, 0], 0])
  })

  test("a name that differs from a living topic's in dots and underscores alone is refused", () => {
    const taken = create(image, one("a.b_c")).image
    const [refused] = create(taken, one("a_b.c")).results
    expect(refused).toEqual([
      "a_b.c",
      ErrorCode.INVALID_TOPIC_EXCEPTION,
      "Topic 'a_b.c' collides with existing topic: a.b_c",
    ])
    expect(create(taken, one("a-b-c")).results[0]![1]).toBe(ErrorCode.NONE)
    const topicNames = ["a.b_c"]
    const gone = deleteTopics(taken, { topics: [], topicNames, timeoutMs: 1 })
    expect(create(commit(taken, gone.records), one("a_b.c")).results[0]![1]).toBe(ErrorCode.NONE)
  })

  test("assignments: in any order of partitions; bad ones by their reason", () => {
    const good = create(image, assigned([1, [1]], [0, [0]])).image.topics.get("t")!
    expect(good.partitions.map((p) => p.replicas)).toEqual([[0], [1]])
    const refused = (topics: Topics) => {
      const [, code, message] = create(image, topics).results[0]!
      return [code, message]
    }
    const code = ErrorCode.INVALID_REPLICA_ASSIGNMENT
    expect(refused(assigned([0, []]))).toEqual([
      code,
      "The manual partition assignment includes an empty replica list.",
    ])
    expect(refused(assigned([0, [0, 1]], [1, [1]]))[1]).toContain("1 replica(s), but this is not")
    expect(refused(assigned([0, [0]], [0, [1]]))[1]).toContain("multiple manual partition")
    expect(refused(assigned([-1, [0]]))[1]).toContain("consecutive 0-based")
  })

  test("null configs, the metadata log's name, and too many partitions", () => {
    const [named, reserved] = create(image, [
      { name: "t", configs: [{ name: "retention.ms", value: null }] },
      { name: "__cluster_metadata" },
    ]).results
    expect(named).toEqual([
      "t",
      ErrorCode.INVALID_CONFIG,
      "Null value not supported for topic configs: retention.ms",
    ])
    expect(reserved![1]).toBe(ErrorCode.TOPIC_AUTHORIZATION_FAILED)
    const { results, image: after } = create(image, [
      { name: "a", numPartitions: 9_999, replicationFactor: 1 },
      { name: "b", numPartitions: 2, replicationFactor: 1 },
    ])
    expect(results.map(([, code]) => code)).toEqual([
      ErrorCode.POLICY_VIOLATION,
      ErrorCode.POLICY_VIOLATION,
    ])
    expect(after.topics.size).toBe(0)
  })
})

describe("DeleteTopics", () => {
  const image = withTopic(withTopic(clusterOf(3), "a", 1, 1), "b", 1, 1)
  const idOf = (name: string) => image.topics.get(name)!.id
  const ask = (topics: DeleteTopicsRequest["topics"], topicNames: ReadonlyArray<string> = []) => {
    const decision = deleteTopics(image, { topics, topicNames, timeoutMs: 1 })
    return {
      results: (decision.response.responses ?? []).map((r) => [r.name, r.errorCode]),
      messages: (decision.response.responses ?? []).map((r) => r.errorMessage),
      left: [...commit(image, decision.records).topics.keys()].toSorted(),
    }
  }

  test("a name or id that comes twice, in whatever way, is not deleted", () => {
    const id = idOf("a")
    const byId = { name: null, topicId: id }
    const byName = { name: "a", topicId: zeroUuid }
    for (const topics of [
      [byId, byId],
      [byName, byName, byName],
      [byId, byName],
    ]) {
      const { results, left } = ask(topics)
      expect(results.map(([, code]) => code)).toEqual([ErrorCode.INVALID_REQUEST])
      expect(left).toEqual(["a", "b"])
    }
    expect(ask([byId, byId, byName]).results.length).toBe(2)
    expect(ask([byId, byId, byName]).left).toEqual(["a", "b"])
    expect(ask([], ["a", "a"]).left).toEqual(["a", "b"])
  })

  test("both or neither of name and id", () => {
    const { results, messages, left } = ask([
      { name: "a", topicId: idOf("a") },
      { name: null, topicId: zeroUuid },
      { name: "b", topicId: zeroUuid },
    ])
    expect(results).toEqual([
      ["a", ErrorCode.INVALID_REQUEST],
      [null, ErrorCode.INVALID_REQUEST],
      ["b", ErrorCode.NONE],
    ])
    expect(messages[0]).toBe("You may not specify both topic name and topic id.")
    expect(messages[1]).toBe("Neither topic name nor id were specified.")
    expect(left).toEqual(["a"])
  })
})

describe("CreatePartitions", () => {
  const image = withTopic(withTopic(clusterOf(3), "a", 2, 2), "b", 1, 1)
  type Asked = CreatePartitionsRequest["topics"][number]
  const ask = (topics: ReadonlyArray<Asked>, validateOnly = false) => {
    const request = { topics, timeoutMs: 1, validateOnly }
    const { response, records } = createPartitions(image, request, contextOf(image))
    return {
      results: (response.results ?? []).map((r) => [r.name, r.errorCode]),
      image: commit(image, records),
    }
  }

  test("new partitions have the topic's replication factor and groups of their own", () => {
    const { image: after } = ask([{ name: "a", count: 5, assignments: null }])
    const { partitions } = after.topics.get("a")!
    expect(partitions.map((p) => p.replicas.length)).toEqual([2, 2, 2, 2, 2])
    expect(partitions.map((p) => p.partition)).toEqual([0, 1, 2, 3, 4])
    expect(new Set(partitions.map((p) => p.group)).size).toBe(5)
    expect(partitions.slice(0, 2)).toEqual([...image.topics.get("a")!.partitions])
  })

  test("validate_only changes nothing; a name twice grows nothing", () => {
    const grow = { name: "a", count: 5, assignments: null }
    const dry = ask([grow], true)
    expect([dry.results, dry.image]).toEqual([[["a", ErrorCode.NONE]], image])
    const twice = ask([grow, { name: "b", count: 2, assignments: null }, grow])
    expect(twice.results).toEqual([
      ["a", ErrorCode.INVALID_REQUEST],
      ["b", ErrorCode.NONE],
    ])
    expect(twice.image.topics.get("a")!.partitions.length).toBe(2)
  })

  test("a list of another length than the topic's, too many partitions", () => {
    const assignments = [{ brokerIds: [0] }]
    expect(ask([{ name: "a", count: 3, assignments }]).results[0]![1]).toBe(
      ErrorCode.INVALID_REPLICA_ASSIGNMENT,
    )
    expect(ask([{ name: "a", count: 20_000, assignments: null }]).results[0]![1]).toBe(
      ErrorCode.POLICY_VIOLATION,
    )
  })
})
