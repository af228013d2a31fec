/** Arbitrary messages of any declared API at any version, made from the declaration. */
import * as fc from "fast-check"
import { defaultOf } from "../../src/protocol/defaults.ts"
import { inVersions, longMax } from "../../src/protocol/schema.ts"
import type { Field, Fields, PlainType } from "../../src/protocol/schema.ts"

/** What a client would hand to the encoder: only fields of that version, some left out. */
export const messageArbitrary = (fields: Fields, version: number): fc.Arbitrary<object> => {
  const present = Object.entries(fields).filter(([, field]) => inVersions(version, field.versions))
  const entries = present.map(([name, field]) => [name, fieldArbitrary(field, version)] as const)
  return fc.record(Object.fromEntries(entries), { requiredKeys: [] })
}

const fieldArbitrary = (field: Field, version: number): fc.Arbitrary<unknown> => {
  const value = valueArbitrary(field, version)
  if (!inVersions(version, field.nullable)) return value
  return fc.oneof({ weight: 1, arbitrary: fc.constant(null) }, { weight: 4, arbitrary: value })
}

const valueArbitrary = (field: Field, version: number): fc.Arbitrary<unknown> => {
  const { type } = field
  switch (type._tag) {
    case "plain":
      return plainArbitrary(type.plain)
    case "struct":
      return messageArbitrary(type.fields, version)
    default:
      return fc.array(
        typeof type.element === "string"
          ? plainArbitrary(type.element)
          : messageArbitrary(type.element, version),
        { maxLength: 3 },
      )
  }
}

const plainArbitrary = (type: PlainType): fc.Arbitrary<unknown> => {
  switch (type) {
    case "int8":
      return fc.integer({ min: -0x80, max: 0x7f })
    case "int16":
      return fc.integer({ min: -0x8000, max: 0x7fff })
    case "uint16":
      return fc.integer({ min: 0, max: 0xffff })
    case "int32":
      return fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })
    case "uint32":
      return fc.integer({ min: 0, max: 0xffff_ffff })
    case "int64":
      return fc.oneof(fc.maxSafeInteger(), fc.constantFrom(longMax, -longMax, 2 ** 60, -1, 0))
    case "float64":
      return fc.double({ noNaN: true })
    case "bool":
      return fc.boolean()
    case "string":
      return fc.string({ unit: "grapheme", maxLength: 12 })
    case "uuid":
      return fc
        .uint8Array({ minLength: 16, maxLength: 16 })
        .map((b) => Buffer.from(b).toString("hex"))
    default:
      return fc.uint8Array({ maxLength: 20 })
  }
}

/** What decoding must give for `input`: every field, with its default where none was given. */
export const completed = (fields: Fields, input: object, version: number): object =>
  Object.fromEntries(
    Object.entries(fields).map(([name, field]) => {
      const value: unknown = Reflect.get(input, name)
      return [name, value === undefined ? defaultOf(field) : completedValue(field, value, version)]
    }),
  )

const completedValue = (field: Field, value: unknown, version: number): unknown => {
  const { type } = field
  if (value === null) return null
  if (value instanceof Uint8Array) return Buffer.from(value)
  if (type._tag === "struct") return completed(type.fields, Object(value), version)
  if (type._tag === "array" && Array.isArray(value)) {
    const { element } = type
    return typeof element === "string"
      ? value.map((one: unknown) => (one instanceof Uint8Array ? Buffer.from(one) : one))
      : value.map((one) => completed(element, Object(one), version))
  }
  return value
}
