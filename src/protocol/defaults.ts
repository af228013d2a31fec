import { zeroUuid } from "./uuid.ts"
import type { Field, Fields, PlainType } from "./schema.ts"

const noBytes = new Uint8Array(0)
const noElements: ReadonlyArray<never> = Object.freeze([])

/** The value of a field that is not there. Shared and frozen, where it is an object. */
export const defaultOf = (field: Field): unknown => {
  if (field.default !== undefined) return field.default
  switch (field.type._tag) {
    case "array":
      return noElements
    case "struct":
      return defaultStruct(field.type.fields)
    default:
      return defaultPlain(field.type.plain)
  }
}

const defaultPlain = (type: PlainType): unknown => {
  switch (type) {
    case "bool":
      return false
    case "string":
      return ""
    case "uuid":
      return zeroUuid
    case "bytes":
      return noBytes
    // Kafka's generated classes start record fields at null, whether or not null can be written.
    case "records":
      return null
    default:
      return 0
  }
}

const structs = new WeakMap<Fields, object>()

const defaultStruct = (fields: Fields): object => {
  const known = structs.get(fields)
  if (known !== undefined) return known
  const entries = Object.entries(fields).map(([name, field]) => [name, defaultOf(field)])
  const made: object = Object.freeze(Object.fromEntries(entries))
  structs.set(fields, made)
  return made
}

/** Whether `value`, undefined included, says no more than the field's default. */
export const isDefault = (field: Field, value: unknown): boolean => {
  if (value === undefined) return true
  const expected = defaultOf(field)
  if (value === null || expected === null) return value === expected
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length === 0
  if (field.type._tag !== "struct") return value === expected
  const entries = Object.entries(field.type.fields)
  return entries.every(([name, inner]) => isDefault(inner, Reflect.get(Object(value), name)))
}
