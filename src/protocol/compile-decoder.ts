/**
 * Fields and a version → a function that reads them. The function is compiled from text: one local
 * per field, one object literal per struct, so that all messages of a kind share one hidden class
 * and the version is decided once and not per field. For Fetch version 12:
 *
 *     function s1(r) {
 *       let $topic; $topic = r.compactString(); if ($topic === null) isNull("topic")
 *       const $topicId = "00000000000000000000000000000000"
 *       let $partitions; $partitions = a3(r); if ($partitions === null) isNull("partitions")
 *       r.skipTaggedFields()
 *       return { topic: $topic, topicId: $topicId, partitions: $partitions }
 *     }
 *
 * The text is made from declarations alone; nothing that came from the wire goes into it.
 */
import { defaultOf } from "./defaults.ts"
import { DecodeError } from "./errors.ts"
import type { Reader } from "./reader.ts"
import { inVersions } from "./schema.ts"
import type { Field, Fields, PlainType } from "./schema.ts"
import { elementBytesMin } from "./wire-size.ts"

export type DecodeStruct = (reader: Reader) => object

/** What the text under construction has so far. */
interface Draft {
  readonly version: number
  readonly flexible: boolean
  readonly functions: Array<string>
  readonly structs: Map<Fields, string>
  /** Default values, reached from the text as d[0], d[1], … */
  readonly defaults: Array<unknown>
}

export const compileDecoder = (
  fields: Fields,
  version: number,
  flexible: boolean,
): DecodeStruct => {
  const draft: Draft = { version, flexible, functions: [], structs: new Map(), defaults: [] }
  const root = structFunction(draft, fields)
  const text = `"use strict"\n${draft.functions.join("\n")}\nreturn ${root}`
  // oxlint-disable-next-line typescript/no-implied-eval -- see above: made from declarations alone
  const compiled: DecodeStruct = new Function("d", "isNull", "badTag", text)(
    draft.defaults,
    isNull,
    badTag,
  )
  return compiled
}

const isNull = (name: string): never => {
  throw new DecodeError(`${name} is null`)
}

const badTag = (name: string): never => {
  throw new DecodeError(`the tagged field ${name} is not as long as it says`)
}

/** The name of the function that reads this struct; its text is added on first use. */
const structFunction = (draft: Draft, fields: Fields): string => {
  const known = draft.structs.get(fields)
  if (known !== undefined) return known
  const name = `s${draft.structs.size}`
  draft.structs.set(fields, name)
  const lines = [`function ${name}(r) {`]
  const tagged: Array<readonly [string, Field]> = []
  for (const [key, field] of Object.entries(fields)) {
    if (!inVersions(draft.version, field.versions))
      lines.push(`const ${local(key)} = ${fallback(draft, field)}`)
    else if (field.tag === undefined)
      lines.push(`let ${local(key)}; ${readInto(draft, key, field)}`)
    else {
      lines.push(`let ${local(key)} = ${fallback(draft, field)}`)
      tagged.push([key, field])
    }
  }
  if (draft.flexible) lines.push(taggedSection(draft, tagged))
  const properties = Object.keys(fields).map((key) => `${key}: ${local(key)}`)
  lines.push(`return { ${properties.join(", ")} }`, "}")
  draft.functions.push(lines.join("\n"))
  return name
}

const taggedSection = (draft: Draft, tagged: ReadonlyArray<readonly [string, Field]>): string => {
  if (tagged.length === 0) return "r.skipTaggedFields()"
  const cases = tagged.map(
    ([key, field]) => `case ${field.tag}: ${readInto(draft, key, field)}; break`,
  )
  return `for (let count = r.unsignedVarint(); count > 0; count--) {
const tag = r.unsignedVarint(), length = r.unsignedVarint(), end = r.endAfter(length)
switch (tag) {
${cases.join("\n")}
default: r.at = end
}
if (r.at !== end) badTag(tag)
}`
}

const fallback = (draft: Draft, field: Field): string => {
  const value = defaultOf(field)
  if (typeof value !== "object" || value === null) return JSON.stringify(value)
  return `d[${draft.defaults.push(value) - 1}]`
}

/** Field names are prefixed, as some would clash with words of the text (`length`, `count`). */
const local = (key: string): string => `$${key}`

/** Statements that read the field into its variable. */
const readInto = (draft: Draft, key: string, field: Field): string => {
  const to = local(key)
  const nullable = inVersions(draft.version, field.nullable)
  const { type } = field
  switch (type._tag) {
    case "plain":
      if (field.rounded) return `${to} = r.roundedInt64()`
      return `${to} = ${readPlain(draft, type.plain)}${
        mayBeNull(type.plain) && !nullable ? orNull(to, key) : ""
      }`
    case "array": {
      const check = nullable ? "" : orNull(to, key)
      return `${to} = ${arrayFunction(draft, key, type.element)}(r)${check}`
    }
    default: {
      const read = `${structFunction(draft, type.fields)}(r)`
      return nullable ? `${to} = r.int8() < 0 ? null : ${read}` : `${to} = ${read}`
    }
  }
}

const orNull = (variable: string, key: string): string =>
  `; if (${variable} === null) isNull("${key}")`

const arrayFunction = (draft: Draft, key: string, element: PlainType | Fields): string => {
  const bytesMin = elementBytesMin(element, draft.version, draft.flexible)
  const read =
    typeof element === "string" ? readPlain(draft, element) : `${structFunction(draft, element)}(r)`
  const name = `a${draft.functions.length}`
  const check = typeof element === "string" && mayBeNull(element) ? orNull("value", key) : ""
  draft.functions.push(`function ${name}(r) {
const length = r.${draft.flexible ? "compactArrayLength" : "arrayLength"}(${bytesMin})
if (length < 0) return null
const values = []
for (let i = 0; i < length; i++) { const value = ${read}${check}; values.push(value) }
return values
}`)
  return name
}

const mayBeNull = (type: PlainType): boolean =>
  type === "string" || type === "bytes" || type === "records"

const readPlain = (draft: Draft, type: PlainType): string => {
  switch (type) {
    case "string":
      return draft.flexible ? "r.compactString()" : "r.string()"
    case "bytes":
    case "records":
      return draft.flexible ? "r.compactBlob()" : "r.blob()"
    default:
      return `r.${type}()`
  }
}
