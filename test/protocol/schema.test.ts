/**
 * The declarations against Kafka's own definitions (4.3.1, ../shared/kafka/messages beside the
 * repository): every field, version range, null, tag, default. Skipped where they are not there.
 */
import { describe, expect, test } from "bun:test"
import { existsSync, readFileSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { allApis, apiByKey } from "../../src/protocol/apis.ts"
import { defaultOf } from "../../src/protocol/defaults.ts"
import { ErrorCode, errorName, isRetriable } from "../../src/protocol/error-codes.ts"
import { longMax } from "../../src/protocol/schema.ts"
import type { Field, Fields } from "../../src/protocol/schema.ts"
import { zeroUuid } from "../../src/protocol/uuid.ts"

const shared = join(import.meta.dir, "../../../shared/kafka")
const messages = join(shared, "messages")
const here = existsSync(messages)

interface KafkaField {
  readonly name: string
  readonly type: string
  readonly versions: string
  readonly nullableVersions?: string
  readonly taggedVersions?: string
  readonly tag?: number
  readonly default?: string | number | boolean
  readonly ignorable?: boolean
  readonly flexibleVersions?: string
  readonly fields?: ReadonlyArray<KafkaField>
}

interface KafkaMessage {
  readonly apiKey: number
  readonly name: string
  readonly validVersions: string
  readonly flexibleVersions: string
  readonly fields: ReadonlyArray<KafkaField>
  readonly commonStructs?: ReadonlyArray<KafkaField>
}

const load = (name: string): KafkaMessage => {
  const text = readFileSync(join(messages, `${name}.json`), "utf8")
  return JSON.parse(text.replace(/("(?:\\.|[^"\\])*")|\/\/[^\n]*/g, (_, quoted) => quoted ?? ""))
}

/** One line per field, nested ones indented: two messages are equal if their outlines are. */
type Outline = ReadonlyArray<string>

interface Stated {
  readonly versions: string
  readonly nullable: string | undefined
  readonly tag: number | undefined
  readonly default: unknown
  readonly ignorable: boolean
}

const line = (path: string, type: string, stated: Stated): string => {
  const { versions, nullable, tag, ignorable } = stated
  return `${path}: ${type} ${JSON.stringify([versions, nullable, tag, stated.default, ignorable])}`
}

const declaredOutline = (fields: Fields, path: string): Outline =>
  Object.entries(fields).flatMap(([name, field]) => {
    const at = `${path}.${name}`
    const [type, nested] = declaredType(field)
    const value =
      field.type._tag === "struct" && field.default === undefined ? {} : defaultOf(field)
    const own = line(at, type, { ...field, default: plainDefault(value) })
    return [own, ...(nested === undefined ? [] : declaredOutline(nested, at))]
  })

const declaredType = (field: Field): readonly [string, Fields | undefined] => {
  const { type } = field
  if (type._tag === "plain") return [type.plain, undefined]
  if (type._tag === "struct") return ["struct", type.fields]
  return typeof type.element === "string"
    ? [`[]${type.element}`, undefined]
    : ["[]struct", type.element]
}

const plainDefault = (value: unknown): unknown =>
  value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value

const kafkaOutline = (
  fields: ReadonlyArray<KafkaField>,
  path: string,
  common: ReadonlyMap<string, ReadonlyArray<KafkaField>>,
): Outline =>
  fields.flatMap((field) => {
    expect(field.flexibleVersions).toBeUndefined()
    const at = `${path}.${field.name[0]?.toLowerCase()}${field.name.slice(1)}`
    const element = field.type.replace("[]", "")
    const struct = /^[A-Z]/.test(element)
    const type = struct ? field.type.replace(element, "struct") : field.type
    if (field.taggedVersions !== undefined) expect(field.taggedVersions).toBe(field.versions)
    const own = line(at, type, {
      versions: field.versions,
      nullable: field.nullableVersions,
      tag: field.tag,
      default: kafkaDefault(field, type),
      ignorable: field.ignorable ?? false,
    })
    const nested = struct ? (field.fields ?? common.get(element) ?? []) : []
    if (struct) expect(nested.length).toBeGreaterThan(0)
    return [own, ...kafkaOutline(nested, at, common)]
  })

const kafkaDefault = (field: KafkaField, type: string): unknown => {
  const given = field.default
  if (given === "null") return null
  if (type.startsWith("[]")) return []
  switch (type) {
    case "struct":
      return {}
    case "string":
      return given ?? ""
    case "bool":
      return given === true || given === "true"
    case "uuid":
      return zeroUuid
    case "bytes":
      return ""
    case "records":
      return null
    default:
      return given === "9223372036854775807" ? longMax : Number(given ?? 0)
  }
}

const side = (message: KafkaMessage): Outline => {
  const common = new Map(message.commonStructs?.map((one) => [one.name, one.fields ?? []]))
  return kafkaOutline(message.fields, "", common)
}

const range = (versions: string): readonly number[] => {
  const [min, max = min] = versions.split("-").map(Number)
  return [min ?? 0, max ?? 0]
}

if (!here) console.warn("skipped: Kafka's definitions (../shared/kafka/messages) are not here")

describe.skipIf(!here)("declared as Kafka 4.3.1 defines it", () => {
  for (const api of allApis) {
    test(api.name, () => {
      const request = load(`${api.name}Request`)
      const response = load(`${api.name}Response`)
      expect(request.apiKey).toBe(api.key)
      expect(response.apiKey).toBe(api.key)
      for (const message of [request, response]) {
        expect(range(message.validVersions)).toEqual([...api.versions])
        const since = api.flexibleSince === undefined ? "none" : `${api.flexibleSince}+`
        expect(message.flexibleVersions).toBe(since)
      }
      expect(declaredOutline(api.request, "")).toEqual(side(request))
      expect(declaredOutline(api.response, "")).toEqual(side(response))
    })
  }

  test("the header of a request: its client id is never compact", () => {
    const clientId = load("RequestHeader").fields.find((field) => field.name === "ClientId")
    expect(clientId?.flexibleVersions).toBe("none")
  })

  test("error codes, and which may be retried", () => {
    const rows = readFileSync(join(shared, "error-codes.tsv"), "utf8").trimEnd().split("\n")
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
