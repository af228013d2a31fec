import { inVersions } from "./schema.ts"
import type { Field, Fields, PlainType } from "./schema.ts"

const fixed: { readonly [P in PlainType]?: number } = {
  int8: 1,
  bool: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  float64: 8,
  uuid: 16,
}

/**
 * The fewest bytes that an array's element can take: what a claimed number of elements is held
 * against before anything is allocated for them. Never 0: every struct has at least one field.
 */
export const elementBytesMin = (
  element: PlainType | Fields,
  version: number,
  flexible: boolean,
): number =>
  typeof element === "string"
    ? plainBytesMin(element, flexible)
    : structBytesMin(element, version, flexible)

const plainBytesMin = (type: PlainType, flexible: boolean): number =>
  fixed[type] ?? (flexible ? 1 : type === "string" ? 2 : 4)

const structBytesMin = (fields: Fields, version: number, flexible: boolean): number => {
  let bytes = flexible ? 1 : 0
  for (const field of Object.values(fields)) {
    if (field.tag === undefined && inVersions(version, field.versions)) {
      bytes += fieldBytesMin(field, version, flexible)
    }
  }
  return Math.max(1, bytes)
}

const fieldBytesMin = (field: Field, version: number, flexible: boolean): number => {
  switch (field.type._tag) {
    case "plain":
      return plainBytesMin(field.type.plain, flexible)
    case "array":
      return flexible ? 1 : 4
    default:
      return inVersions(version, field.nullable)
        ? 1
        : structBytesMin(field.type.fields, version, flexible)
  }
}
