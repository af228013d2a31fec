/**
 * Declarations against Kafka's own definitions (4.3.1, ../shared/kafka beside the repository): an
 * outline of each, one line per field, so that a difference shows itself.
 */
import { expect } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { defaultOf } from "../../src/protocol/defaults.ts"
import { longMax } from "../../src/protocol/schema.ts"
import type { Field, Fields } from "../../src/protocol/schema.ts"
import { zeroUuid } from "../../src/protocol/uuid.ts"

export const kafkaFolder = join(import.meta.dir, "../../../shared/kafka")

interface KafkaField {
  readonly name: string
  readonly type: string
  readonly versions: string
  readonly nullableVersions?: string
  readonly taggedVersions?: string
  readonly tag?: number
  readonly default?: string | number | boolean | null
  readonly ignorable?: boolean
  readonly flexibleVersions?: string
  readonly fields?: ReadonlyArray<KafkaField>
}

export interface KafkaMessage {
  readonly apiKey: number
  readonly name: string
  readonly validVersions: string
  readonly flexibleVersions: string
  readonly fields: ReadonlyArray<KafkaField>
  readonly commonStructs?: ReadonlyArray<KafkaField>
}

/** Of `messages` or `messages-coordinator`. */
export const loadDefinition = (folder: string, name: string): KafkaMessage => {
  const text = readFileSync(join(kafkaFolder, folder, `${name}.json`), "utf8")
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

export const declaredOutline = (fields: Fields, path: string): Outline =>
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
  if (given === "null" || given === null) return null
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

export const definedOutline = (message: KafkaMessage): Outline => {
  const common = new Map(message.commonStructs?.map((one) => [one.name, one.fields ?? []]))
  return kafkaOutline(message.fields, "", common)
}

export const versionRange = (versions: string): readonly number[] => {
  const [min, max = min] = versions.split("-").map(Number)
  return [min ?? 0, max ?? 0]
}
