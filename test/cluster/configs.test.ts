/** The tables of configs against Kafka's, and what is decided on them. */
import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import {
  decideAlterConfigs,
  decideIncrementalAlterConfigs,
} from "../../src/cluster/alter-configs.ts"
import { configsOf, ConfigResourceType } from "../../src/cluster/config-resources.ts"
import { kafkaBrokerConfigs } from "../../src/cluster/configs/broker-configs.ts"
import {
  brokerLayers,
  brokerSynonyms,
  brokerValue,
  topicDefault,
} from "../../src/cluster/configs/broker-layers.ts"
import { configTable, inKafkaOrder } from "../../src/cluster/configs/config-table.ts"
import { describedBroker } from "../../src/cluster/configs/describe-broker.ts"
import { describedGroup } from "../../src/cluster/configs/group-configs.ts"
import { createTopics } from "../../src/cluster/create-topics.ts"
import { groupConfigs } from "../../src/cluster/image.ts"
import type { MetadataImage } from "../../src/cluster/image.ts"
import { listResources } from "../../src/cluster/list-config-resources.ts"
import { decodeSnapshot, encodeSnapshot } from "../../src/cluster/snapshot.ts"
import { imageDiff } from "../../src/node/image-diff.ts"
import { clusterOf, commit, contextOf, topicRequest } from "./fixture.ts"

const { TOPIC, BROKER, GROUP, CLIENT_METRICS } = ConfigResourceType

interface Row {
  readonly name: string
  readonly configType: number
  readonly default: string | null
  readonly readOnly: boolean
  readonly isSensitive: boolean
}

const recorded = (resource: string): ReadonlyArray<Row> =>
  readFileSync(join(import.meta.dir, "recorded/kafka-configs.tsv"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => line.split("\t"))
    .filter(([kind]) => kind === resource)
    .map(([, name = "", type, value, dynamic, sensitive]) => ({
      name,
      configType: Number(type),
      default: value === "-" ? null : value === '""' ? "" : (value ?? null),
      readOnly: dynamic === "read only",
      isSensitive: sensitive === "sensitive",
    }))

const byName = (a: { readonly name: string }, b: { readonly name: string }) =>
  a.name < b.name ? -1 : 1

const none = { own: new Map(), shared: new Map(), file: new Map() }

const set = (name: string, value: string | null, configOperation = 0) => ({
  name,
  configOperation,
  value,
})

type Operation = ReturnType<typeof set>

const asked = (resourceType: number, resourceName: string, configs: ReadonlyArray<Operation>) => ({
  resources: [{ resourceType, resourceName, configs: [...configs] }],
  validateOnly: false,
})

/** Decided, and applied through bytes. */
function alter(
  image: MetadataImage,
  type: number,
  name: string,
  ...operations: ReadonlyArray<Operation>
) {
  const request = asked(type, name, operations)
  const { records, response } = decideIncrementalAlterConfigs(image, request, contextOf(image))
  const result = response.responses?.[0]
  return { image: commit(image, records), code: result?.errorCode, message: result?.errorMessage }
}

describe("the tables", () => {
  test("of brokers are Kafka 4.3.1's: names, types, defaults, what is altered, what is secret", () => {
    const shown = new Map(describedBroker(none).map((entry) => [entry.name, entry]))
    const own = kafkaBrokerConfigs.map((row) => {
      const { configType, readOnly, isSensitive } = shown.get(row.name)!
      return { name: row.name, configType, default: row.default, readOnly, isSensitive }
    })
    expect(own.toSorted(byName)).toEqual(recorded("broker").toSorted(byName))
    expect(own.length).toBe(340)
  })

  test("of groups, too", () => {
    const own = describedGroup(new Map(), none).map(({ name, configType, value }) => ({
      name,
      configType,
      default: value,
      readOnly: false,
      isSensitive: false,
    }))
    expect(own.toSorted(byName)).toEqual(recorded("group").toSorted(byName))
  })

  test("say something of every row, and every default is a value that the row takes", () => {
    for (const { name, default: value, documentation, fault } of kafkaBrokerConfigs) {
      expect([name, documentation.length > 10]).toEqual([name, true])
      expect([name, documentation.length < 300]).toEqual([name, true])
      if (value !== null) expect([name, fault(value)]).toEqual([name, undefined])
    }
  })

  test("have a grammar", () => {
    const [plain, family, after] = configTable(`
a | int | 5 | 1..9 or -1
  First.
  Second.
= Said of all.
b | list | "" | of x,y
  Third.
=
c | double | - | any
`)
    expect(plain).toMatchObject({ name: "a", default: "5", documentation: "First. Second." })
    expect(plain?.fault("-1")).toBeUndefined()
    expect(plain?.fault("0")).toContain("between 1 and 9 or equal to -1")
    expect(family).toMatchObject({ default: "", documentation: "Third. Said of all." })
    expect(family?.fault("x, y")).toBeUndefined()
    expect(after).toMatchObject({ default: null, documentation: "" })
    expect(() => configTable("a | integer | 5 | any")).toThrow("a | integer")
    expect(() => configTable("a | int | 5 | above 3")).toThrow("above 3")
  })

  test("are answered in the order of Java's hash of their names", () => {
    const names = ["match", "metrics", "interval.ms"].map((name) => ({ name }))
    const kafka = ["interval.ms", "match", "metrics"]
    expect(inKafkaOrder(names).map(({ name }) => name)).toEqual(kafka)
  })
})

describe("where a broker's value comes from", () => {
  const layers = {
    own: new Map([["message.max.bytes", "3"]]),
    shared: new Map([
      ["message.max.bytes", "2"],
      ["log.retention.ms", "7"],
    ]),
    file: new Map([
      ["message.max.bytes", "1"],
      ["log.retention.hours", "2"],
    ]),
  }

  test("nearest first, the default last", () => {
    const sources = brokerSynonyms(layers, "message.max.bytes").map(({ source }) => source)
    expect(sources).toEqual([2, 3, 4, 5])
    expect(brokerValue(layers, "message.max.bytes")).toBe("3")
    expect(brokerValue({ ...layers, own: new Map() }, "message.max.bytes")).toBe("2")
  })

  test("hours and minutes stand in for milliseconds, and show behind them only", () => {
    expect(topicDefault(layers, "log.retention.ms")).toBe("7")
    const older = { ...layers, shared: new Map() }
    expect(topicDefault(older, "log.retention.ms")).toBe("7200000")
    expect(brokerSynonyms(older, "log.retention.ms")).toEqual([])
    expect(brokerSynonyms(layers, "log.retention.ms").map(({ name }) => name)).toEqual([
      "log.retention.ms",
      "log.retention.hours",
      "log.retention.hours",
    ])
    const minutes = { ...older, file: new Map([["log.retention.minutes", "3"]]) }
    expect(topicDefault(minutes, "log.retention.ms")).toBe("180000")
    const endless = { ...older, file: new Map([["log.retention.hours", "-1"]]) }
    expect(topicDefault(endless, "log.retention.ms")).toBe("-1")
    expect(topicDefault(none, "log.roll.ms")).toBe("604800000")
    expect(topicDefault(none, "log.flush.interval.ms")).toBe("9223372036854775807")
  })

  test("min.insync.replicas is the cluster's, from the file until it is altered", () => {
    const image = clusterOf(1)
    const file = new Map([["min.insync.replicas", "2"]])
    const before = brokerSynonyms(brokerLayers(image, 0, file), "min.insync.replicas")
    expect(before.map(({ value, source }) => [value, source])).toEqual([
      ["2", 3],
      ["2", 4],
      ["1", 5],
    ])
    const changed = alter(image, BROKER, "", set("min.insync.replicas", "3"))
    expect(brokerValue(brokerLayers(changed.image, 0, file), "min.insync.replicas")).toBe("3")
  })
})

const full = (): MetadataImage => {
  let { image } = alter(clusterOf(2), GROUP, "g", set("consumer.session.timeout.ms", "50000"))
  image = alter(image, BROKER, "", set("log.retention.ms", "5")).image
  image = alter(image, BROKER, "1", set("log.retention.ms", "6")).image
  return alter(image, CLIENT_METRICS, "m", set("interval.ms", "1000")).image
}

describe("altered configs in the image", () => {
  test("are kept by resource, and gone with the last of them", () => {
    const image = full()
    expect(groupConfigs(image, "g")).toEqual(new Map([["consumer.session.timeout.ms", "50000"]]))
    expect(groupConfigs(image, "h")).toBeUndefined()
    expect(configsOf(image, BROKER, "1").get("log.retention.ms")).toBe("6")
    const deleted = alter(image, GROUP, "g", set("consumer.session.timeout.ms", null, 1)).image
    expect(deleted.configs.size).toBe(image.configs.size - 1)
    expect(groupConfigs(deleted, "g")).toBeUndefined()
  })

  test("come back from a snapshot; without any, it is one that older programs read", () => {
    const image = full()
    const bytes = encodeSnapshot(image)
    expect(Buffer.from(bytes).readUInt16BE()).toBe(1)
    const again = decodeSnapshot(bytes)
    expect([...again.configs.values()]).toEqual([...image.configs.values()].sort(byType))
    expect(encodeSnapshot(again)).toEqual(bytes)
    expect(Buffer.from(encodeSnapshot(clusterOf(2))).readUInt16BE()).toBe(0)
  })

  test("are told as records when a snapshot brings them", () => {
    const before = alter(full(), BROKER, "0", set("log.retention.ms", "1")).image
    const after = alter(full(), GROUP, "g", set("consumer.session.timeout.ms", "51000")).image
    expect(imageDiff(before, after)).toEqual([
      {
        _tag: "ConfigsChanged",
        resourceType: BROKER,
        resourceName: "0",
        sets: [],
        deletes: ["log.retention.ms"],
      },
      {
        _tag: "ConfigsChanged",
        resourceType: GROUP,
        resourceName: "g",
        sets: [{ name: "consumer.session.timeout.ms", value: "51000" }],
        deletes: [],
      },
    ])
  })

  test("are listed", () => {
    const found = listResources(full(), [GROUP, CLIENT_METRICS, BROKER, TOPIC])
    expect(found.configResources).toEqual([
      { resourceName: "g", resourceType: GROUP },
      { resourceName: "m", resourceType: CLIENT_METRICS },
      { resourceName: "0", resourceType: BROKER },
      { resourceName: "1", resourceType: BROKER },
    ])
  })
})

const byType = (a: { readonly type: number }, b: { readonly type: number }) => a.type - b.type

describe("a decision", () => {
  test("that changes nothing commits nothing", () => {
    const { image } = alter(clusterOf(1), GROUP, "g", set("consumer.session.timeout.ms", "50000"))
    const request = asked(GROUP, "g", [set("consumer.session.timeout.ms", "50000")])
    const again = decideIncrementalAlterConfigs(image, request, contextOf(image))
    expect(again.records).toEqual([])
    expect(again.response.responses?.[0]?.errorCode).toBe(0)
  })

  test("is for each resource by itself, all of it or nothing", () => {
    const image = clusterOf(1)
    const good = set("consumer.session.timeout.ms", "50000")
    const request = {
      resources: [
        { resourceType: GROUP, resourceName: "g", configs: [good, set("no.such", "1")] },
        { resourceType: GROUP, resourceName: "h", configs: [good] },
      ],
      validateOnly: false,
    }
    const { records, response } = decideIncrementalAlterConfigs(image, request, contextOf(image))
    expect(response.responses?.map(({ errorCode }) => errorCode)).toEqual([40, 0])
    expect(records).toMatchObject([{ resourceName: "h" }])
    const tried = { ...request, validateOnly: true }
    expect(decideIncrementalAlterConfigs(image, tried, contextOf(image)).records).toEqual([])
  })

  test("replaces all with AlterConfigs", () => {
    const { image } = alter(
      clusterOf(1),
      GROUP,
      "g",
      set("consumer.session.timeout.ms", "50000"),
      set("share.isolation.level", "read_committed"),
    )
    const configs = [{ name: "consumer.session.timeout.ms", value: "60000" }]
    const resources = [{ resourceType: GROUP, resourceName: "g", configs }]
    const request = { resources, validateOnly: false }
    const { records } = decideAlterConfigs(image, request, contextOf(image))
    expect(records).toMatchObject([
      { sets: [{ value: "60000" }], deletes: ["share.isolation.level"] },
    ])
  })

  test("has bounds: of a value, of one resource, and its limits follow the brokers' settings", () => {
    const long = alter(clusterOf(1), BROKER, "0", set("my.own", "x".repeat(32_768)))
    expect([long.code, long.message]).toEqual([
      40,
      "The configuration value cannot be added because it exceeds the maximum value size of " +
        "32767 bytes.",
    ])
    const replicas = "leader.replication.throttled.replicas"
    const configs = [{ name: replicas, value: "0:0,".repeat(9000) }]
    const one = clusterOf(1)
    const made = createTopics(one, topicRequest([{ name: "t", configs }]), contextOf(one))
    const errorMessage = long.message ?? ""
    expect(made.response.topics).toMatchObject([{ errorCode: 40, errorMessage }])
    const many = Array.from({ length: 1001 }, (_, i) => set(`my.own.${i}`, "x"))
    expect(alter(clusterOf(1), BROKER, "0", ...many).code).toBe(44)
    let crowd = clusterOf(1)
    const value = "x".repeat(32_000)
    const some = Array.from({ length: 500 }, (_, i) => set(`my.own.${i}`, value))
    crowd = alter(crowd, BROKER, "0", ...some).image
    expect(alter(crowd, BROKER, "", ...some.slice(0, 100)).code).toBe(44)
    expect(alter(crowd, GROUP, "g", set("consumer.session.timeout.ms", "50000")).code).toBe(0)
    const image = clusterOf(1)
    const defaults = {
      numPartitions: 1,
      replicationFactor: 1,
      brokerConfigs: new Map([["group.consumer.min.session.timeout.ms", "100"]]),
    }
    const context = contextOf(image, { defaults })
    const low = asked(GROUP, "g", [
      set("consumer.session.timeout.ms", "20000"),
      set("consumer.heartbeat.interval.ms", "5000"),
    ])
    const { response } = decideIncrementalAlterConfigs(image, low, context)
    expect(response.responses?.[0]).toMatchObject({ errorCode: 0, errorMessage: null })
    const strict = decideIncrementalAlterConfigs(image, low, contextOf(image))
    expect(strict.response.responses?.[0]?.errorCode).toBe(40)
  })
})
