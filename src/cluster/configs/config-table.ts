/**
 * The words that tables of configs are written in. A row is one line and the lines of its
 * documentation, indented by two:
 *
 *     name | type | default | bounds | mode
 *
 * Default: `-` none (null), `""` the empty text. Bounds: `any`, `>=1`, `0..1`, `1..9 or -1`, `of
 * a,b` (of a list: each element), `any-case A,B`, `non-empty`, `throttled-replicas`,
 * `offset-reset`. Mode, of broker settings only: `fixed` (at start), `cluster` (altered for one
 * broker or for all), `broker` (for one broker only), `listener` (for one of its listeners only).
 *
 * `= text` is said of all rows that follow, up to the next such line; `=` alone ends it. `! reason`
 * likewise, and whoever sets one of these rows at start is refused with that reason.
 */
import { checkOf } from "./config-bounds.ts"
import { faultOf } from "./config-values.ts"
import type { ConfigType } from "./config-values.ts"

export type ConfigMode = "fixed" | "cluster" | "broker" | "listener"

export interface ConfigDefinition {
  readonly name: string
  readonly type: ConfigType
  /** As text; null: none. */
  readonly default: string | null
  readonly mode: ConfigMode
  readonly documentation: string
  /** Taken and shown, and nothing more. */
  readonly withoutEffect: boolean
  /** What a value must be, to end the sentence "expected …". */
  readonly expected: string
  /** Why it must not be set at start. */
  readonly refusal: string | undefined
  /** Kafka's message for what is wrong with that text, or undefined. */
  readonly fault: (text: string) => string | undefined
}

export type ConfigTable = ReadonlyArray<ConfigDefinition>

const types: ReadonlyArray<ConfigType> = [
  "boolean",
  "string",
  "int",
  "short",
  "long",
  "double",
  "list",
  "class",
  "password",
]
const modes: ReadonlyArray<ConfigMode> = ["fixed", "cluster", "broker", "listener"]

interface Family {
  readonly said: string
  readonly refusal: string | undefined
}

/** Throws on a row that is not as above. */
export const configTable = (text: string): ConfigTable => {
  const rows: Array<{ line: string; documentation: Array<string>; family: Family }> = []
  let family: Family = { said: "", refusal: undefined }
  for (const line of text.split("\n")) {
    if (/^=( |$)/.test(line)) family = { said: line.slice(2), refusal: undefined }
    else if (line.startsWith("! ")) {
      const refusal = line.slice(2)
      family = { said: `Without effect: ${refusal}.`, refusal }
    } else if (line.startsWith("  ")) rows.at(-1)?.documentation.push(line.trim())
    else if (line !== "") rows.push({ line, documentation: [], family })
  }
  return rows.map(({ line, documentation, family: { said, refusal } }) => {
    const words = [...documentation, said].filter((part) => part !== "").join(" ")
    return definition(line, words, refusal)
  })
}

const definition = (
  line: string,
  documentation: string,
  refusal: string | undefined,
): ConfigDefinition => {
  const [name = "", typeName, defaultText = "", bounds = "", modeName] = line.split(" | ")
  const type = types.find((known) => known === typeName)
  const mode = modeName === undefined ? "fixed" : modes.find((known) => known === modeName)
  if (type === undefined || mode === undefined) throw new Error(`a config table says: ${line}`)
  const defaultValue = defaultText === "-" ? null : defaultText === '""' ? "" : defaultText
  const withoutEffect = documentation.includes("Without effect")
  const expected = expectation(type, bounds)
  const fault = faultOf(name, type, checkOf(type, bounds))
  return {
    name,
    type,
    default: defaultValue,
    mode,
    documentation,
    withoutEffect,
    expected,
    refusal,
    fault,
  }
}

const expectation = (type: ConfigType, bounds: string): string => {
  const [form, words] = bounds.split(" ")
  if (form === "of" || form === "any-case") return `one of ${(words ?? "").replaceAll(",", ", ")}`
  if (type === "boolean") return "true or false"
  if (!["int", "short", "long", "double"].includes(type)) return "text"
  const number = type === "double" ? "a number" : "a whole number"
  return bounds === "any" ? number : `${number}, ${bounds.replace("..", " to ")}`
}

/**
 * As Kafka answers them: by Java's hash of their names, in a table that is at most three quarters
 * full. Clients should not care; comparing answers is easier so.
 */
export const inKafkaOrder = <A extends { readonly name: string }>(
  rows: ReadonlyArray<A>,
): ReadonlyArray<A> => {
  let slots = 16
  while (rows.length > slots * 0.75) slots *= 2
  return rows.toSorted((a, b) => slotOf(a.name, slots) - slotOf(b.name, slots))
}

const slotOf = (name: string, slots: number): number => {
  let hash = 0
  for (let i = 0; i < name.length; i++) hash = (Math.imul(hash, 31) + name.charCodeAt(i)) >>> 0
  return (hash ^ (hash >>> 16)) & (slots - 1)
}
