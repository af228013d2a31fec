/**
 * Fields and a version → a function that writes them, compiled from text like the decoder. For one
 * field with a default and one that version 4 lacks and that must not be ignored:
 *
 *     function s1(w, o) {
 *       let v = o.currentLeaderEpoch; if (v === undefined) v = -1; w.int32(v)
 *       if (!isDefault(f[0], o.lastFetchedEpoch)) lacks("lastFetchedEpoch")
 *     }
 */
import { defaultOf, isDefault } from "./defaults.ts"
import { EncodeError } from "./errors.ts"
import { inVersions } from "./schema.ts"
import type { Field, Fields, PlainType } from "./schema.ts"
import type { Writer } from "./writer.ts"

export type EncodeStruct = (writer: Writer, value: object) => void

/** What the text under construction has so far. */
interface Draft {
  readonly version: number
  readonly flexible: boolean
  readonly functions: Array<string>
  readonly structs: Map<Fields, string>
  /** Default values, reached from the text as d[0], d[1], … */
  readonly defaults: Array<unknown>
  /** Declarations that `isDefault` needs, reached as f[0], f[1], … */
  readonly fields: Array<Field>
}

export const compileEncoder = (
  fields: Fields,
  version: number,
  flexible: boolean,
): EncodeStruct => {
  const draft: Draft = {
    version,
    flexible,
    functions: [],
    structs: new Map(),
    defaults: [],
    fields: [],
  }
  const root = structFunction(draft, fields)
  const text = `"use strict"\n${draft.functions.join("\n")}\nreturn ${root}`
  // oxlint-disable-next-line typescript/no-implied-eval -- made from declarations alone
  const compiled: EncodeStruct = new Function("d", "f", "isDefault", "isNull", "lacks", text)(
    draft.defaults,
    draft.fields,
    isDefault,
    isNull,
    lacks,
  )
  return compiled
}

const isNull = (name: string): never => {
  throw new EncodeError(`${name} must not be null`)
}

const lacks = (name: string): never => {
  throw new EncodeError(`this version has no ${name}`)
}

/** The name of the function that writes this struct; its text is added on first use. */
const structFunction = (draft: Draft, fields: Fields): string => {
  const known = draft.structs.get(fields)
  if (known !== undefined) return known
  const name = `s${draft.structs.size}`
  draft.structs.set(fields, name)
  const lines = [`function ${name}(w, o) {`, "let v"]
  const tagged: Array<readonly [string, Field]> = []
  for (const [key, field] of Object.entries(fields)) {
    if (!inVersions(draft.version, field.versions)) {
      if (!field.ignorable) lines.push(`if (!${atDefault(draft, key, field)}) lacks("${key}")`)
    } else if (field.tag === undefined) lines.push(writeFrom(draft, key, field))
    else tagged.push([key, field])
  }
  if (draft.flexible) lines.push(taggedSection(draft, tagged))
  lines.push("}")
  draft.functions.push(lines.join("\n"))
  return name
}

const taggedSection = (draft: Draft, tagged: ReadonlyArray<readonly [string, Field]>): string => {
  if (tagged.length === 0) return "w.unsignedVarint(0)"
  const inOrder = [...tagged].sort((a, b) => (a[1].tag ?? 0) - (b[1].tag ?? 0))
  const flags = inOrder.map(([key, field], i) => `const t${i} = !${atDefault(draft, key, field)}`)
  const count = inOrder.map((_, i) => `(t${i} ? 1 : 0)`).join(" + ")
  const writes = inOrder.map(
    ([key, field], i) =>
      `if (t${i}) { const at = w.beginTagged(${field.tag}); ` +
      `${writeFrom(draft, key, field)}; w.endTagged(at) }`,
  )
  return [...flags, `w.unsignedVarint(${count})`, ...writes].join("\n")
}

/** An expression that is true where the value says no more than the default. */
const atDefault = (draft: Draft, key: string, field: Field): string => {
  const value = defaultOf(field)
  if (typeof value !== "object") {
    return `((v = o.${key}) === undefined || v === ${JSON.stringify(value)})`
  }
  return `isDefault(f[${draft.fields.push(field) - 1}], o.${key})`
}

const fallback = (draft: Draft, field: Field): string => {
  const value = defaultOf(field)
  if (typeof value !== "object" || value === null) return JSON.stringify(value)
  return `d[${draft.defaults.push(value) - 1}]`
}

/** Statements that write the property `key` of `o`. */
const writeFrom = (draft: Draft, key: string, field: Field): string => {
  const nullable = inVersions(draft.version, field.nullable)
  const load = `v = o.${key}; if (v === undefined) v = ${fallback(draft, field)}`
  const { type } = field
  const check =
    nullable || (type._tag === "plain" && !mayBeNull(type.plain))
      ? ""
      : `; if (v === null) isNull("${key}")`
  switch (type._tag) {
    case "plain":
      return `${load}${check}; ${writePlain(draft, type.plain, "v")}`
    case "array":
      return `${load}${check}; ${arrayFunction(draft, key, type.element)}(w, v)`
    default: {
      const write = `${structFunction(draft, type.fields)}(w, v)`
      return nullable
        ? `${load}; if (v === null) w.int8(-1); else { w.int8(1); ${write} }`
        : `${load}${check}; ${write}`
    }
  }
}

const arrayFunction = (draft: Draft, key: string, element: PlainType | Fields): string => {
  const length = draft.flexible ? "compactArrayLength" : "arrayLength"
  const write =
    typeof element === "string"
      ? `if (e === null) isNull("${key}"); ${writePlain(draft, element, "e")}`
      : `${structFunction(draft, element)}(w, e)`
  const name = `a${draft.functions.length}`
  draft.functions.push(`function ${name}(w, v) {
if (v === null) return w.${length}(-1)
w.${length}(v.length)
for (let i = 0; i < v.length; i++) { const e = v[i]; ${write} }
}`)
  return name
}

const mayBeNull = (type: PlainType): boolean =>
  type === "string" || type === "bytes" || type === "records"

const writePlain = (draft: Draft, type: PlainType, from: string): string => {
  switch (type) {
    case "string":
      return `w.${draft.flexible ? "compactString" : "string"}(${from})`
    case "bytes":
      return `w.${draft.flexible ? "compactBlob" : "blob"}(${from})`
    case "records":
      return `w.${draft.flexible ? "compactRecords" : "records"}(${from})`
    default:
      return `w.${type}(${from})`
  }
}
