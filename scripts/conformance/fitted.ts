import { inVersions, type Fields } from "../../src/protocol/schema.ts"
import { isObject, type Plain } from "./values.ts"

/** A message without the fields that do not exist at that version. */
export function fitted(fields: Fields, version: number, message: object): object {
  return Object.fromEntries(
    Object.entries(message).flatMap(([name, value]: [string, Plain]) => {
      const field = fields[name]
      if (field === undefined) throw new Error(`no field ${name}`)
      if (!inVersions(version, field.versions)) return []
      const { type } = field
      const inner =
        type._tag === "struct" ? type.fields : type._tag === "array" ? type.element : undefined
      return [[name, typeof inner === "object" ? inside(inner, version, value) : value]]
    }),
  )
}

function inside(fields: Fields, version: number, value: Plain): Plain {
  if (Array.isArray(value)) return value.map((one: Plain) => inside(fields, version, one))
  return isObject(value) ? fitted(fields, version, value) : value
}
