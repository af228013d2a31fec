import { expect, test } from "bun:test"
import { Effect, Exit, Cause } from "effect"
import { loadConfig } from "../../src/broker/config.ts"
import { nodeSettings } from "../../src/broker/identity.ts"
import { emptyImage } from "../../src/cluster/image.ts"
import { BrokerSettings } from "../../src/node/broker-settings.ts"
import type { ConfigSources } from "../../src/broker/config.ts"

const place = {
  "node.id": "1",
  "cluster.id": "PFHSlqhQgD1IuElDLpwjEg",
  listeners: "PLAINTEXT://127.0.0.1:9093",
  "advertised.listeners": "PLAINTEXT://127.0.0.1:19093",
  "log.dirs": "sub",
  "varve.http.listener": "127.0.0.1:8081",
  "varve.peers": "0@127.0.0.1:9092,1@127.0.0.1:9093",
  "varve.disk.uuids": "0@aa,1@bb,1@cc",
}

const sources = (given: Partial<ConfigSources> = {}): ConfigSources => ({
  set: {},
  environment: {},
  file: place,
  filePath: "/data/broker-1/broker.json",
  insecure: false,
  ...given,
})

const load = (given?: Partial<ConfigSources>) => Effect.runSync(loadConfig(sources(given)))

function refusal(given: Partial<ConfigSources>): string {
  const exit = Effect.runSyncExit(loadConfig(sources(given)))
  if (Exit.isSuccess(exit)) throw new Error("it was not refused")
  const error = Cause.squash(exit.cause)
  return error instanceof Error ? error.message : String(error)
}

test("who and where the broker is comes from broker.json; paths are relative to it", () => {
  const config = load()
  expect(config.nodeId).toBe(1)
  expect(config.dir).toBe("/data/broker-1/sub")
  expect(config.listen).toEqual({ host: "127.0.0.1", port: 9093 })
  expect(config.advertised).toEqual({ host: "127.0.0.1", port: 19_093 })
  expect(config.http).toEqual({ host: "127.0.0.1", port: 8081 })
  expect(config.peers.map((peer) => [peer.nodeId, peer.port])).toEqual([
    [0, 9092],
    [1, 9093],
  ])
  expect(config.diskUuids).toEqual([
    { nodeId: 0, diskUuid: "aa" },
    { nodeId: 1, diskUuid: "bb" },
    { nodeId: 1, diskUuid: "cc" },
  ])
})

const partitions = (given: Partial<ConfigSources>) => load(given).settings["num.partitions"]

test("--set before environment before broker.json before Kafka's default", () => {
  const file = { ...place, "num.partitions": "2" }
  const environment = { "num.partitions": "3" }
  const set = { "num.partitions": "4" }
  expect(partitions({})).toBe(1)
  expect(partitions({ file })).toBe(2)
  expect(partitions({ file, environment })).toBe(3)
  expect(partitions({ file, environment, set })).toBe(4)
})

test("values arrive as what they are", () => {
  const { settings } = load({ set: { "auto.create.topics.enable": "FALSE", "broker.rack": "r1" } })
  expect(settings["auto.create.topics.enable"]).toBe(false)
  expect(settings["broker.rack"]).toBe("r1")
  expect(settings["socket.request.max.bytes"]).toBe(104_857_600)
})

test("an unknown key or a bad value is refused wherever it stands, even where it is overridden", () => {
  expect(refusal({ set: { "num.partitons": "3" } })).toBe(
    '--set: unknown setting num.partitons (value "3"); did you mean num.partitions?',
  )
  expect(refusal({ environment: { VARVE_NO_SUCH: "x" } })).toContain(
    'the environment: unknown setting VARVE_NO_SUCH (value "x")',
  )
  const file = { ...place, "num.partitions": "many" }
  expect(refusal({ file, set: { "num.partitions": "3" } })).toContain(
    '/data/broker-1/broker.json: setting num.partitions has the value "many"; expected a whole number',
  )
  expect(refusal({ set: { "node.id": "7" } })).toContain("is set in broker.json only")
})

test("a place that is missing or unreadable is refused by name", () => {
  for (const [key, bad] of [
    ["node.id", "one"],
    ["cluster.id", "a b"],
    ["listeners", "127.0.0.1"],
    ["log.dirs", "a,b"],
    ["varve.peers", "0-127.0.0.1:9092"],
    ["varve.disk.uuids", "0:aa"],
    ["varve.http.listener", ":8080:"],
  ] as const) {
    expect(refusal({ file: { ...place, [key]: bad } })).toContain(`${key} has the value "${bad}"`)
  }
  const { "node.id": _, ...without } = place
  expect(refusal({ file: without })).toContain("node.id is missing")
})

test("no address but loopback without --insecure", () => {
  const file = { ...place, listeners: "PLAINTEXT://0.0.0.0:9092" }
  expect(refusal({ file })).toContain("refusing to listen on 0.0.0.0")
  expect(refusal({ file: { ...place, "varve.http.listener": "10.1.2.3:80" } })).toContain(
    "10.1.2.3",
  )
  expect(load({ file, insecure: true }).listen.host).toBe("0.0.0.0")
  for (const host of ["localhost", "127.0.0.1", "127.3.2.1", "[::1]"]) {
    expect(load({ file: { ...place, listeners: `${host}:9092` } }).listen.port).toBe(9092)
  }
})

test("Kafka's settings that have no effect yet are taken and named", () => {
  const config = load({ set: { "transaction.state.log.min.isr": "1" } })
  expect(config.unused).toEqual(["transaction.state.log.min.isr"])
})

function retentionMs(file: Record<string, string>, set: Record<string, string> = {}): number {
  const settings = nodeSettings(load({ file: { ...place, ...file }, set }))
  const image = emptyImage("cluster")
  return new BrokerSettings(1, settings, () => image).partitionConfig({ configs: new Map() })
    .retentionMs
}

test("log.retention.ms stands before minutes, these before hours; -1 is without end", () => {
  expect(retentionMs({})).toBe(168 * 3_600_000)
  expect(retentionMs({ "log.retention.hours": "2" })).toBe(7_200_000)
  const minutes = { "log.retention.minutes": "3" }
  expect(retentionMs({ ...minutes, "log.retention.hours": "2" })).toBe(180_000)
  expect(retentionMs(minutes, { "log.retention.ms": "1234" })).toBe(1234)
  expect(retentionMs({ "log.retention.ms": "-1" }, minutes)).toBe(-1)
  expect(retentionMs({ "log.retention.hours": "-1" })).toBe(-1)
})

test("what stands in for topic configs reaches the partitions; bad values are refused", () => {
  const set = {
    "log.retention.bytes": "5000",
    "log.segment.bytes": "1048576",
    "log.roll.hours": "1",
    "log.segment.delete.delay.ms": "5",
    "log.cleanup.policy": "compact,delete",
    "log.cleaner.min.cleanable.ratio": "0.25",
    "log.retention.check.interval.ms": "700",
  }
  const settings = nodeSettings(load({ set }))
  expect(settings.retentionCheckIntervalMs).toBe(700)
  const image = emptyImage("cluster")
  const broker = new BrokerSettings(1, settings, () => image)
  expect(broker.partitionConfig({ configs: new Map() })).toMatchObject({
    retentionBytes: 5000,
    segmentBytes: 1_048_576,
    segmentMs: 3_600_000,
    fileDeleteDelayMs: 5,
    cleanupDelete: true,
    compacted: true,
    minCleanableDirtyRatio: 0.25,
  })
  const own = new Map([["retention.bytes", "77"]])
  expect(broker.partitionConfig({ configs: own }).retentionBytes).toBe(77)
  const bad = { "log.retention.ms": "0", "log.retention.bytes": "-2", "log.roll.ms": "-1" }
  for (const [key, value] of Object.entries(bad)) {
    expect(refusal({ set: { [key]: value } })).toContain(`${key} has the value "${value}"`)
  }
})

function offsetsTopicShape(set: Record<string, string>) {
  const config = load({ set })
  const { offsetsTopicNumPartitions, offsetsTopicReplicationFactor } = nodeSettings(config)
  return [offsetsTopicNumPartitions, offsetsTopicReplicationFactor, config.unused]
}

test("settings of groups that contradict each other are refused together", () => {
  const short = { "group.consumer.session.timeout.ms": "1000" }
  expect(refusal({ set: short })).toContain("expected at least that of")
  const both = { ...short, "group.consumer.min.session.timeout.ms": "1000" }
  expect(refusal({ set: both })).toContain("expected less than group.consumer.session.timeout.ms")
  const heartbeats = {
    "group.consumer.min.heartbeat.interval.ms": "100",
    "group.consumer.heartbeat.interval.ms": "100",
  }
  const { groups } = nodeSettings(load({ set: { ...both, ...heartbeats } }))
  expect(groups.groupConsumerSessionTimeoutMs).toBe(1000)
  const classic = { "group.max.session.timeout.ms": "5000" }
  expect(refusal({ set: classic })).toContain("group.max.session.timeout.ms has the value")
})

const assignors = (value: string) => ({ set: { "group.consumer.assignors": value } })

test("assignors are named once each, the default one first", () => {
  const { groups } = nodeSettings(load(assignors("range, uniform")))
  expect(groups.groupConsumerAssignors).toEqual(["range", "uniform"])
  for (const bad of ["", "best", "range,range"]) {
    expect(refusal(assignors(bad))).toContain("expected one or more of uniform, range")
  }
})

test("the offsets topic is made as the settings say, else as Kafka's defaults do", () => {
  const set = { "offsets.topic.num.partitions": "8", "offsets.topic.replication.factor": "1" }
  expect(offsetsTopicShape({})).toEqual([50, 3, []])
  expect(offsetsTopicShape(set)).toEqual([8, 1, []])
})
