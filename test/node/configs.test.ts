/**
 * Configs of a running cluster: what Kafka 4.3.1 answered to 150 questions, asked of varve in the
 * same order; and that what is altered holds at once, everywhere, and after restarts.
 */
import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { apiByKey } from "../../src/protocol/apis.ts"
import { alterConfigs } from "../../src/protocol/messages/alter-configs.ts"
import { createTopics } from "../../src/protocol/messages/create-topics.ts"
import { deleteTopics } from "../../src/protocol/messages/delete-topics.ts"
import { describeConfigs } from "../../src/protocol/messages/describe-configs.ts"
import { describeProducers } from "../../src/protocol/messages/describe-producers.ts"
import { describeQuorum } from "../../src/protocol/messages/describe-quorum.ts"
import { electLeaders } from "../../src/protocol/messages/elect-leaders.ts"
import { incrementalAlterConfigs } from "../../src/protocol/messages/incremental-alter-configs.ts"
import { ErrorCode } from "../../src/protocol/error-codes.ts"
import {
  createTopic,
  leaderOf,
  newProducerId,
  produceRetrying,
  untilLed,
} from "../support/clients.ts"
import { World } from "../support/world.ts"

const TOPIC = 2
const BROKER = 4
const GROUP = 32

interface Exchange {
  readonly key: number
  readonly version: number
  readonly note: string
  readonly request: object
  readonly response: object
}

const exchanges: ReadonlyArray<Exchange> = readFileSync(
  join(import.meta.dir, "recorded/configs.jsonl"),
  "utf8",
)
  .trimEnd()
  .split("\n")
  .map((line): Exchange => JSON.parse(line))

/** Where we differ from Kafka, and why. */
const differs: Readonly<Record<string, string>> = {
  logger: "varve has one logger, and its level cannot be changed",
  "logger bad level": "varve has one logger, and its level cannot be changed",
  internal: "internal.segment.bytes, which Kafka hides and takes, is unknown",
  "io threads 100": "there are no threads whose number could change by steps only",
}

const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (name, inner: unknown) => (name === "documentation" ? null : inner)),
  )

describe("what Kafka 4.3.1 answered, asked again in order", () => {
  const brokerConfigs = new Map([
    ["node.id", "0"],
    ["broker.id", "0"],
    ["num.partitions", "1"],
    ["min.insync.replicas", "1"],
  ])
  const world = new World({ nodes: 1, seed: 3, settings: { brokerConfigs } })
  world.startAll().untilReady()
  createTopic(world, "t", {
    replicas: 1,
    configs: { "cleanup.policy": "compact", "retention.ms": "100000" },
  })

  for (const { key, version, note, request, response } of exchanges) {
    const api = apiByKey(key)
    if (api === undefined) throw new Error(`API ${key}`)
    test(`${api.name} v${version} ${note}: ${JSON.stringify(request).slice(0, 100)}`, () => {
      const answer = plain(world.call(0, api, version, request))
      if (note in differs) expect(answer).not.toEqual(plain(response))
      else expect(answer).toEqual(plain(response))
    })
  }
})

const cluster = (seed: number, options: ConstructorParameters<typeof World>[0] = {}) =>
  new World({ ...options, seed }).startAll().untilReady()

function alter(
  world: World,
  at: number,
  type: number,
  name: string,
  values: Readonly<Record<string, string | null>>,
): number {
  const configs = Object.entries(values).map(([key, value]) => ({
    name: key,
    configOperation: value === null ? 1 : 0,
    value,
  }))
  const resources = [{ resourceType: type, resourceName: name, configs }]
  return world.call(at, incrementalAlterConfigs, 1, { resources, validateOnly: false })
    .responses[0]!.errorCode
}

function described(world: World, at: number, type: number, name: string, key: string) {
  const resources = [{ resourceType: type, resourceName: name, configurationKeys: [key] }]
  const asked = { resources, includeSynonyms: true, includeDocumentation: true }
  return world.call(at, describeConfigs, 4, asked).results[0]?.configs[0]
}

const configOf = (world: World, at: number, topic: string) => {
  const info = world.node(at).image.topics.get(topic)?.partitions[0]
  const partition = info && world.node(at).partition(info.group)
  if (partition === undefined) throw new Error(`no ${topic} at ${at}`)
  return partition.config
}

/** Broker 2 is cut off, and finds a metadata log that was cut meanwhile: it gets a snapshot. */
const resumed = (seed: number, change: (world: World) => void): World => {
  const world = cluster(seed, { settings: { metadataSnapshotEntries: 20 } })
  createTopic(world, "t", { replicas: 3 })
  world.run(1000)
  world.isolate(2)
  world.run(2000)
  const at = world.node(0).status().metadata.leader === 1 ? 1 : 0
  change(world)
  for (let i = 0; i < 80; i++) createTopic(world, `other${i}`, { at, replicas: 1 })
  world.heal()
  const image = () => world.node(2).image
  world.runUntil(() => image().topics.has("other79"), 10_000, "broker 2 to catch up")
  return world
}

describe("altered configs", () => {
  test("of a topic hold on every replica, whichever broker was asked, and after a restart", () => {
    const world = cluster(31)
    createTopic(world, "t", { replicas: 3 })
    for (const at of [0, 1, 2]) {
      expect(alter(world, at, TOPIC, "t", { "retention.ms": `${at}000` })).toBe(0)
      // Read your writes: the broker that answered has applied it.
      expect(configOf(world, at, "t").retentionMs).toBe(at * 1000)
    }
    world.run(500)
    for (const at of [0, 1, 2]) expect(configOf(world, at, "t").retentionMs).toBe(2000)
    world.crash(1)
    world.start(1)
    world.untilReady()
    expect(configOf(world, 1, "t").retentionMs).toBe(2000)
    expect(alter(world, 1, TOPIC, "t", { "retention.ms": null })).toBe(0)
    expect(configOf(world, 1, "t").retentionMs).toBe(604_800_000)
  })

  test("of all brokers stand behind those of one, both behind the topic's own", () => {
    const world = cluster(32)
    createTopic(world, "t", { replicas: 3 })
    createTopic(world, "own", { replicas: 3, configs: { "max.message.bytes": "999" } })
    expect(alter(world, 2, BROKER, "", { "message.max.bytes": "5000" })).toBe(0)
    world.run(500)
    expect([0, 1, 2].map((at) => configOf(world, at, "t").maxMessageBytes)).toEqual([
      5000, 5000, 5000,
    ])
    expect(alter(world, 1, BROKER, "1", { "message.max.bytes": "6000" })).toBe(0)
    world.run(500)
    expect([0, 1, 2].map((at) => configOf(world, at, "t").maxMessageBytes)).toEqual([
      5000, 6000, 5000,
    ])
    expect(configOf(world, 1, "own").maxMessageBytes).toBe(999)
    expect(described(world, 1, TOPIC, "t", "max.message.bytes")).toMatchObject({
      value: "6000",
      configSource: 2,
      synonyms: [{ source: 2 }, { source: 3 }, { source: 5 }],
    })
    expect(described(world, 0, BROKER, "0", "message.max.bytes")).toMatchObject({
      value: "5000",
      configSource: 3,
      readOnly: false,
    })
  })

  test("of groups: their own, else what was altered for brokers", () => {
    const world = cluster(42)
    const name = "group.consumer.assignment.interval.ms"
    const interval = (group: string) =>
      world.node(0).brokerSettings.groupConfigs(group)?.get("consumer.assignment.interval.ms")
    expect(interval("g")).toBeUndefined()
    expect(alter(world, 0, BROKER, "", { [name]: "70" })).toBe(0)
    expect(interval("g")).toBe("70")
    expect(alter(world, 0, GROUP, "g", { "consumer.assignment.interval.ms": "80" })).toBe(0)
    expect([interval("g"), interval("h")]).toEqual(["80", "70"])
    expect(alter(world, 0, BROKER, "0", { [name]: "60" })).toBe(0)
    expect(interval("h")).toBe("60")
  })

  test("of brokers are read when they are needed", () => {
    const world = cluster(43)
    const { settings } = world.node(1)
    expect(settings.cleanerBackoffMs).toBe(15_000)
    expect(alter(world, 1, BROKER, "1", { "log.cleaner.backoff.ms": "20" })).toBe(0)
    expect(settings.cleanerBackoffMs).toBe(20)
  })

  test("hold for the next Produce", () => {
    const world = cluster(33)
    createTopic(world, "t", { replicas: 3 })
    untilLed(world, "t")
    expect(produceRetrying(world, "t", ["x".repeat(2000)]).errorCode).toBe(0)
    expect(alter(world, 0, TOPIC, "t", { "max.message.bytes": "1000" })).toBe(0)
    world.run(100)
    const answer = produceRetrying(world, "t", ["x".repeat(2000)])
    expect(answer.errorCode).toBe(ErrorCode.MESSAGE_TOO_LARGE)
    expect(alter(world, 0, BROKER, "", { "min.insync.replicas": "3" })).toBe(0)
    world.run(100)
    expect(configOf(world, leaderOf(world, "t"), "t").minInSyncReplicas).toBe(3)
  })

  test("of a topic come with a snapshot of the metadata to a broker that was away", () => {
    const world = resumed(34, (before) => alter(before, 0, TOPIC, "t", { "retention.ms": "1039" }))
    expect(configOf(world, 2, "t").retentionMs).toBe(1039)
  })

  test("of brokers come with it, too", () => {
    const values = { "log.segment.delete.delay.ms": "77" }
    const world = resumed(45, (before) => alter(before, 0, BROKER, "", values))
    expect(configOf(world, 2, "t").fileDeleteDelayMs).toBe(77)
  })

  test("that a client read may all be written back (trap 50)", () => {
    const world = cluster(44)
    createTopic(world, "t", { configs: { "retention.ms": "7000" } })
    const topic = { resourceType: TOPIC, resourceName: "t" }
    const read = () =>
      world.call(1, describeConfigs, 4, {
        resources: [{ ...topic, configurationKeys: null }],
        includeSynonyms: false,
      }).results[0]?.configs ?? []
    const before = read()
    const resources = [{ ...topic, configs: before.map(({ name, value }) => ({ name, value })) }]
    const answer = world.call(2, alterConfigs, 0, { resources, validateOnly: false })
    expect(answer.responses[0]?.errorCode).toBe(0)
    world.run(200)
    expect(read()).toEqual(before.map((config) => ({ ...config, configSource: 1 })))
  })

  test("are part of what CreateTopics answers", () => {
    const world = cluster(35)
    expect(alter(world, 0, BROKER, "", { "log.retention.ms": "123456" })).toBe(0)
    const topic = { name: "t", numPartitions: 1, replicationFactor: 1, assignments: [] }
    const configs = [{ name: "cleanup.policy", value: "compact" }]
    const asked = { topics: [{ ...topic, configs }], timeoutMs: 5000 }
    const [made] = world.call(1, createTopics, 7, asked).topics
    const shown = new Map(made?.configs?.map((config) => [config.name, config]))
    expect(shown.size).toBe(33)
    expect(shown.get("retention.ms")).toMatchObject({ value: "123456", configSource: 3 })
    expect(shown.get("cleanup.policy")).toMatchObject({ value: "compact", configSource: 1 })
  })
})

test("an answer has bounds, however often a name is asked for", () => {
  const world = cluster(47, { nodes: 1 })
  createTopic(world, "t", { replicas: 1 })
  const topic = { resourceType: TOPIC, resourceName: "t", configurationKeys: null }
  const resources = Array.from({ length: 4_000 }, () => topic)
  const { results } = world.call(0, describeConfigs, 4, { resources })
  expect(results.length).toBe(4_000)
  expect(results[3_000]?.configs.length).toBe(33)
  expect(results[3_999]).toMatchObject({ errorCode: ErrorCode.INVALID_REQUEST, configs: [] })
})

describe("settings of the start", () => {
  test("delete.topic.enable=false", () => {
    const brokerConfigs = new Map([["delete.topic.enable", "false"]])
    const world = cluster(36, { settings: { brokerConfigs } })
    createTopic(world, "t")
    const topics = [{ name: "t", topicId: "0".repeat(32) }]
    const [answer] = world.call(0, deleteTopics, 6, { topics, timeoutMs: 5000 }).responses
    expect(answer?.errorCode).toBe(ErrorCode.TOPIC_DELETION_DISABLED)
    expect(world.node(0).image.topics.has("t")).toBe(true)
  })

  test("a broker tells its own file, secrets and strangers without their values", () => {
    const brokerConfigs = new Map([["num.io.threads", "16"]])
    const world = cluster(37, { settings: { brokerConfigs } })
    expect(described(world, 1, BROKER, "1", "num.io.threads")).toMatchObject({
      value: "16",
      configSource: 4,
      documentation: expect.stringContaining("Without effect"),
    })
    expect(described(world, 1, BROKER, "1", "ssl.key.password")).toMatchObject({
      value: null,
      isSensitive: true,
    })
    expect(alter(world, 1, BROKER, "1", { "my.own.secret": "x" })).toBe(0)
    expect(described(world, 1, BROKER, "1", "my.own.secret")).toMatchObject({
      value: null,
      isSensitive: true,
    })
    expect(alter(world, 1, BROKER, "1", { "sasl.enabled.mechanisms": "PLAIN" })).toBe(42)
  })
})

const elect = (world: World, at: number) =>
  world.call(at, electLeaders, 2, {
    electionType: 0,
    topicPartitions: [{ topic: "t", partitions: [0] }],
    timeoutMs: 5000,
  }).replicaElectionResults[0]?.partitionResult[0]?.errorCode

describe("ElectLeaders", () => {
  test("hands leadership back to the preferred leader, and answers when it leads", () => {
    const brokerConfigs = new Map([["auto.leader.rebalance.enable", "false"]])
    const world = cluster(38, { settings: { brokerConfigs } })
    createTopic(world, "t", { replicas: 3 })
    const preferred = leaderOf(world, "t")
    const other = (preferred + 1) % 3
    expect(elect(world, other)).toBe(ErrorCode.ELECTION_NOT_NEEDED)
    world.crash(preferred)
    world.run(3000)
    expect(leaderOf(world, "t")).not.toBe(preferred)
    expect(elect(world, other)).toBe(ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE)
    world.start(preferred)
    world.untilReady()
    // Nothing moves by itself.
    world.run(5000)
    expect(leaderOf(world, "t")).not.toBe(preferred)
    expect(elect(world, other)).toBe(ErrorCode.NONE)
    const info = world.node(other).image.topics.get("t")?.partitions[0]
    expect(world.node(other).leaderOf(info?.group ?? -1).leader).toBe(preferred)
  })
})

describe("DescribeQuorum", () => {
  const asked = {
    topics: [{ topicName: "__cluster_metadata", partitions: [{ partitionIndex: 0 }] }],
  }

  test("tells of the metadata group, from every broker and in every version", () => {
    const world = cluster(39)
    createTopic(world, "t")
    world.run(500)
    for (const at of [0, 1, 2]) {
      const answer = world.call(at, describeQuorum, 2, asked)
      const partition = answer.topics[0]?.partitions[0]
      expect(partition?.currentVoters.map(({ replicaId }) => replicaId)).toEqual([0, 1, 2])
      expect(partition?.leaderId).toBe(world.node(at).status().metadata.leader)
      expect(partition?.leaderEpoch).toBeGreaterThan(0)
      expect(answer.nodes.map(({ nodeId }) => nodeId)).toEqual([0, 1, 2])
      for (const voter of partition?.currentVoters ?? []) {
        expect(voter.logEndOffset).toBeGreaterThanOrEqual((partition?.highWatermark ?? 0) - 1)
        expect(voter.lastCaughtUpTimestamp).toBeGreaterThan(world.nowMs - 2000)
        expect(voter.lastFetchTimestamp).toBeGreaterThan(world.nowMs - 2000)
      }
      for (const version of [0, 1]) {
        const older = world.call(at, describeQuorum, version, asked)
        expect(older.topics[0]?.partitions[0]?.currentVoters.length).toBe(3)
      }
    }
  })

  const behind = (seed: number, lose: (world: World, leader: number, away: number) => void) => {
    const world = cluster(seed)
    const { leader } = world.node(0).status().metadata
    const away = (leader + 1) % 3
    world.run(1000)
    lose(world, leader, away)
    const lostMs = world.nowMs
    world.run(3000)
    for (let i = 0; i < 5; i++) createTopic(world, `t${i}`, { at: leader, replicas: 1 })
    world.run(1000)
    const partition = world.call(leader, describeQuorum, 2, asked).topics[0]?.partitions[0]
    const voter = partition?.currentVoters.find(({ replicaId }) => replicaId === away)
    expect(voter?.logEndOffset).toBeLessThan(partition?.highWatermark ?? 0)
    expect(voter?.lastCaughtUpTimestamp).toBeGreaterThan(lostMs - 500)
    expect(voter?.lastCaughtUpTimestamp).toBeLessThan(lostMs + 3500)
    return { world, voter }
  }

  test("a voter that is away stays behind", () => {
    const { world, voter } = behind(40, (before, _leader, away) => before.crash(away))
    expect(voter?.lastFetchTimestamp).toBeLessThan(world.nowMs - 3000)
  })

  test("so does one that is heard and hears nothing", () => {
    const { world, voter } = behind(46, (before, leader, away) => before.cut(leader, away))
    expect(voter?.lastFetchTimestamp).toBeGreaterThan(world.nowMs - 1000)
  })
})

test("DescribeProducers: who wrote last, at every replica; nobody once their time is over", () => {
  const world = cluster(41, { settings: { producerIdExpirationMs: 20_000 } })
  createTopic(world, "t", { replicas: 3 })
  const producerId = newProducerId(world, 0)
  const producer = { producerId, producerEpoch: 0, baseSequence: 0 }
  expect(produceRetrying(world, "t", ["a", "b"], producer).errorCode).toBe(0)
  world.run(500)
  const producers = (at: number) =>
    world.call(at, describeProducers, 0, { topics: [{ name: "t", partitionIndexes: [0] }] })
      .topics[0]?.partitions[0]?.activeProducers
  for (const at of [0, 1, 2]) {
    expect(producers(at)).toMatchObject([{ producerId, producerEpoch: 0, lastSequence: 1 }])
  }
  world.run(25_000)
  expect(producers(leaderOf(world, "t"))).toEqual([])
})
