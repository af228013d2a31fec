/**
 * The declarations against Kafka's own definitions (4.3.1, ../shared/kafka/messages beside the
 * repository): every field, version range, null, tag, default. Skipped where they are not there.
 */
import { describe, expect, test } from "bun:test"
import { existsSync, readFileSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { allApis, apiByKey } from "../../src/protocol/apis.ts"
import { ErrorCode, errorName, isRetriable } from "../../src/protocol/error-codes.ts"
import type { Fields } from "../../src/protocol/schema.ts"
import {
  declaredOutline,
  definedOutline,
  kafkaFolder,
  loadDefinition,
  versionRange,
} from "../support/kafka-definitions.ts"
import type { KafkaMessage } from "../support/kafka-definitions.ts"

const here = existsSync(join(kafkaFolder, "messages"))

const load = (name: string): KafkaMessage => loadDefinition("messages", name)

if (!here) console.warn("skipped: Kafka's definitions (../shared/kafka/messages) are not here")

describe.skipIf(!here)("declared as Kafka 4.3.1 defines it", () => {
  for (const api of allApis) {
    test(api.name, () => {
      const request = load(`${api.name}Request`)
      const response = load(`${api.name}Response`)
      expect(request.apiKey).toBe(api.key)
      expect(response.apiKey).toBe(api.key)
      for (const message of [request, response]) {
        expect(versionRange(message.validVersions)).toEqual([...api.versions])
        const since = api.flexibleSince === undefined ? "none" : `${api.flexibleSince}+`
        expect(message.flexibleVersions).toBe(since)
      }
      expect(declaredOutline(api.request, "")).toEqual(definedOutline(request))
      expect(declaredOutline(api.response, "")).toEqual(definedOutline(response))
    })
  }

  test("the header of a request: its client id is never compact", () => {
    const clientId = load("RequestHeader").fields.find((field) => field.name === "ClientId")
    expect(clientId?.flexibleVersions).toBe("none")
  })

  test("error codes, and which may be retried", () => {
    const rows = readFileSync(join(kafkaFolder, "error-codes.tsv"), "utf8").trimEnd().split("\n")
    const kafka = rows.slice(1).map((row) => row.split("\t"))
    expect(kafka.length).toBe(Object.keys(ErrorCode).length)
    for (const [code, name, retriable] of kafka) {
      expect(errorName(Number(code))).toBe(name ?? "")
      expect(isRetriable(Number(code))).toBe(retriable?.trim() === "yes")
    }
  })
})

describe("the table of APIs", () => {
  test("has every API of the recorded exchanges, and the two that brokers ask each other", () => {
    const recorded = readdirSync(join(import.meta.dir, "../golden"))
      .filter((name) => name.endsWith(".jsonl"))
      .map((name) => name.replace(".jsonl", ""))
    const expected = [...recorded, "BrokerRegistration", "AllocateProducerIds"].toSorted()
    expect(allApis.map((api) => api.name).toSorted()).toEqual(expected)
  })

  test("is in order of the keys, each once", () => {
    const keys = allApis.map((api) => api.key)
    expect(keys).toEqual([...new Set(keys)].toSorted((a, b) => a - b))
    for (const api of allApis) expect(apiByKey(api.key)).toBe(api)
    expect(apiByKey(999)).toBeUndefined()
  })

  test("no API has a tag twice in one struct, or a tag before it is flexible", () => {
    const walk = (fields: Fields, since: number): void => {
      const tags = Object.values(fields).flatMap((field) => field.tag ?? [])
      expect(new Set(tags).size).toBe(tags.length)
      for (const field of Object.values(fields)) {
        if (field.tag !== undefined)
          expect(parseInt(field.versions, 10)).toBeGreaterThanOrEqual(since)
        if (field.type._tag === "struct") walk(field.type.fields, since)
        if (field.type._tag === "array" && typeof field.type.element !== "string") {
          walk(field.type.element, since)
        }
      }
    }
    for (const api of allApis) {
      walk(api.request, api.flexibleSince ?? Infinity)
      // SnapshotId's own fields are "0+" in a struct that is 12+: tags alone are looked at.
      walk(api.response, api.flexibleSince ?? Infinity)
    }
  })
})
