import { describe, expect, test } from "bun:test"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import {
  effectiveTopicConfigs,
  topicConfigKeys,
  validateTopicConfig,
  validateTopicConfigs,
} from "../../src/cluster/topic-configs.ts"
import { ConfigSource } from "../../src/cluster/configs/broker-layers.ts"
import { topicNameFault } from "../../src/cluster/topic-names.ts"

const reference = join(import.meta.dir, "../../../shared/kafka/topic-configs.tsv")

describe("the table of topic configs", () => {
  test("is Kafka 4.3.1's: names, types, defaults, synonyms", () => {
    if (!existsSync(reference)) {
      console.warn(`skipped: no ${reference}`)
      return
    }
    const rows = readFileSync(reference, "utf8").trimEnd().split("\n").slice(1)
    const expected = rows.map((row) => {
      const [name, type, value, , synonyms] = row.split("\t")
      const synonym =
        synonyms === undefined || synonyms === "" ? undefined : synonyms.split(", ")[0]
      return { name, type, default: value, synonym }
    })
    const own = topicConfigKeys.map(({ name, type, default: value, synonym }) => ({
      name,
      type,
      default: value,
      synonym,
    }))
    expect<ReadonlyArray<object>>(own).toEqual(expected)
  })

  test("every default is valid, by itself and with the others", () => {
    const defaults = new Map(topicConfigKeys.map((key) => [key.name, key.default]))
    defaults.delete("follower.replication.throttled.replicas")
    for (const [name, value] of defaults) expect(validateTopicConfig(name, value)).toBeUndefined()
    expect(validateTopicConfigs(defaults)).toBeUndefined()
    expect(validateTopicConfigs(new Map())).toBeUndefined()
  })
})

const of = (name: string, value: string) => `Invalid value ${value} for configuration ${name}: `

/**
 * Verdicts and words are those of Kafka 4.3.1's LogConfig.validate, asked with these very values.
 */
describe("values", () => {
  test("in Kafka's words", () => {
    const cases: ReadonlyArray<readonly [string, string, string]> = [
      ["retention.ms", "soon", "Not a number of type LONG"],
      ["retention.ms", "9223372036854775808", "Not a number of type LONG"],
      ["segment.bytes", "2147483648", "Not a number of type INT"],
      ["retention.ms", "-2", "Value must be at least -1"],
      ["segment.bytes", "1048575", "Value must be at least 1048576"],
      ["min.insync.replicas", "0", "Value must be at least 1"],
      ["min.cleanable.dirty.ratio", "1.5", "Value must be no more than 1"],
      ["retention.ms", "", "Not a number of type LONG"],
      ["min.cleanable.dirty.ratio", "x", "Not a number of type DOUBLE"],
      ["compression.lz4.level", "18", "Value must be no more than 17"],
      ["compression.gzip.level", "0", "Value must be between 1 and 9 or equal to -1"],
      ["preallocate", "yes", "Expected value to be either true or false"],
      ["message.timestamp.type", "createtime", "String must be one of: CreateTime, LogAppendTime"],
    ]
    for (const [name, value, message] of cases) {
      expect(validateTopicConfig(name, value)).toBe(of(name, value) + message)
    }
    expect(validateTopicConfig("no.such", "1")).toBe("Unknown topic config name: no.such")
    expect(validateTopicConfig("cleanup.policy", "compact,drop")).toBe(
      of("cleanup.policy", "drop") + "String must be one of: compact, delete",
    )
    expect(validateTopicConfig("cleanup.policy", "delete,")).toBe(
      "Configuration 'cleanup.policy' values must not be empty.",
    )
    const throttled = "leader.replication.throttled.replicas"
    expect(validateTopicConfig(throttled, "0:1,x")).toBe(
      of(throttled, "[0:1, x]") +
        `${throttled} must be the literal '*' or a list of replicas in the following format: ` +
        "[partitionId]:[brokerId],[partitionId]:[brokerId],...",
    )
    expect(validateTopicConfig(throttled, "*,*")).toContain("[*, *]")
  })

  test("legal ones, with the freedom that Kafka gives", () => {
    const cases: ReadonlyArray<readonly [string, string]> = [
      ["retention.ms", " -1 "],
      ["retention.ms", "+5"],
      ["retention.bytes", "-9223372036854775808"],
      ["flush.ms", "9223372036854775807"],
      ["min.cleanable.dirty.ratio", "1e-1"],
      ["min.cleanable.dirty.ratio", ".5"],
      ["preallocate", "TRUE"],
      ["cleanup.policy", "compact, delete"],
      ["cleanup.policy", "delete,delete"],
      ["cleanup.policy", ""],
      ["compression.type", " gzip "],
      ["retention.bytes", "-5"],
      ["leader.replication.throttled.replicas", "0:1,"],
      ["compression.gzip.level", "-1"],
      ["leader.replication.throttled.replicas", "0:1, 1:2"],
      ["leader.replication.throttled.replicas", "*"],
    ]
    for (const [name, value] of cases) expect(validateTopicConfig(name, value)).toBeUndefined()
  })

  test("must fit each other", () => {
    const lags = new Map([
      ["min.compaction.lag.ms", "10"],
      ["max.compaction.lag.ms", "5"],
    ])
    expect(validateTopicConfigs(lags)).toContain("min.compaction.lag.ms (10) > max")
    expect(validateTopicConfigs(new Map([["remote.storage.enable", "true"]]))).toContain("Tiered")
  })
})

describe("effective configs", () => {
  test("the topic's own, then the broker's, then Kafka's default, and where each came from", () => {
    const own = new Map([["retention.ms", "5"]])
    const broker = {
      own: new Map([["segment.bytes", "1"]]),
      shared: new Map([["min.insync.replicas", "2"]]),
      file: new Map([
        ["log.retention.ms", "6"],
        ["message.max.bytes", "7"],
      ]),
    }
    const found = new Map(effectiveTopicConfigs(own, broker).map((config) => [config.name, config]))
    expect(found.size).toBe(33)
    const shown = (name: string) => [found.get(name)!.value, found.get(name)!.configSource]
    expect(shown("retention.ms")).toEqual(["5", ConfigSource.TOPIC])
    expect(shown("max.message.bytes")).toEqual(["7", ConfigSource.STATIC_BROKER])
    expect(shown("min.insync.replicas")).toEqual(["2", ConfigSource.DYNAMIC_DEFAULT_BROKER])
    expect(shown("segment.ms")).toEqual(["604800000", ConfigSource.DEFAULT])
  })
})

describe("topic names", () => {
  test("what Kafka takes and refuses", () => {
    for (const name of ["a", "A-z_0.9", "...", "a".repeat(249)]) {
      expect(topicNameFault(name)).toBeUndefined()
    }
    for (const name of ["", ".", "..", "a b", "ä", "a/b", "a\n", "a".repeat(250)]) {
      expect(topicNameFault(name)).toStartWith("Topic name is invalid: ")
    }
  })
})
