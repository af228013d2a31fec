import { expect, test } from "bun:test"
import { Effect, Exit, Cause } from "effect"
import { loadConfig } from "../../src/broker/config.ts"
import { nodeSettings } from "../../src/broker/identity.ts"
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
  const config = load({ set: { "log.retention.ms": "1000" } })
  expect(config.unused).toEqual(["log.retention.ms"])
})

function offsetsTopicShape(set: Record<string, string>) {
  const config = load({ set })
  const { offsetsTopicNumPartitions, offsetsTopicReplicationFactor } = nodeSettings(config)
  return [offsetsTopicNumPartitions, offsetsTopicReplicationFactor, config.unused]
}

test("the offsets topic is made as the settings say, else as Kafka's defaults do", () => {
  const set = { "offsets.topic.num.partitions": "8", "offsets.topic.replication.factor": "1" }
  expect(offsetsTopicShape({})).toEqual([50, 3, []])
  expect(offsetsTopicShape(set)).toEqual([8, 1, []])
})
