/** The small JSON files that some tools take: lists of partitions, with or without offsets. */
import { readFileSync } from "node:fs"
import { ToolError } from "./tool-error.ts"

const operation = (message: string): ToolError =>
  new ToolError("org.apache.kafka.tools.AdminOperationException", message)

const mapping = (message: string): ToolError =>
  new ToolError("com.fasterxml.jackson.databind.JsonMappingException", message)

export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8")
  } catch {
    throw new ToolError("java.io.IOException", `Unable to read file ${path}`)
  }
}

type Json = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The object in the text; `message` for a text that is none. */
export function parseObject(text: string, message: string): Json {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw operation(message)
  }
  if (!isObject(json)) throw mapping(`Expected JSON object, received ${JSON.stringify(json)}`)
  return json
}

/** The objects of the list `partitions`; `message` where there is none. */
export function partitionsIn(json: Json, message: string): ReadonlyArray<Json> {
  const list = json["partitions"]
  if (list === undefined) throw operation(message)
  if (!Array.isArray(list)) throw mapping(`Expected JSON array, received ${JSON.stringify(list)}`)
  return list.map((entry: unknown) => {
    if (isObject(entry)) return entry
    throw mapping(`Expected JSON object, received ${JSON.stringify(entry)}`)
  })
}

function field(json: Json, name: string): unknown {
  const value = json[name]
  if (value === undefined) throw mapping(`No such field exists: \`${name}\``)
  return value
}

export function stringIn(json: Json, name: string): string {
  const value = field(json, name)
  if (typeof value === "string") return value
  throw mapping(`Expected \`String\` value, received ${JSON.stringify(value)}`)
}

export function integerIn(json: Json, name: string, type: "Integer" | "Long"): number {
  const value = field(json, name)
  if (Number.isSafeInteger(value)) return Number(value)
  throw mapping(`Expected \`${type}\` value, received ${JSON.stringify(value)}`)
}
