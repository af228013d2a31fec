/**
 * How Kafka reads the text of a setting (org.apache.kafka.common.config.ConfigDef), in its words.
 */

export type ConfigType =
  | "boolean"
  | "string"
  | "int"
  | "short"
  | "long"
  | "double"
  | "list"
  | "class"
  | "password"

/** Integers of all widths are bigint: Long.MAX_VALUE is a default, and no double holds it. */
export type ConfigValue = boolean | string | bigint | number | ReadonlyArray<string>

/**
 * What is wrong with a parsed value, or undefined. Kafka names value and setting before it, unless
 * it is whole.
 */
export type Check = (value: ConfigValue, name: string) => string | Whole | undefined

interface Whole {
  readonly message: string
}

export const whole = (message: string): Whole => ({ message })

type Parsed =
  | { readonly _tag: "value"; readonly value: ConfigValue }
  | { readonly _tag: "fault"; readonly fault: string }

const value = (parsed: ConfigValue): Parsed => ({ _tag: "value", value: parsed })
const fault = (text: string): Parsed => ({ _tag: "fault", fault: text })

const integer =
  (type: "INT" | "SHORT" | "LONG", bits: bigint) =>
  (text: string): Parsed => {
    const limit = 1n << (bits - 1n)
    // Longer digits than any int64 has are not worth a conversion.
    if (!/^[+-]?\d{1,30}$/.test(text)) return fault(`Not a number of type ${type}`)
    const number = BigInt(text.startsWith("+") ? text.slice(1) : text)
    return number < -limit || number >= limit
      ? fault(`Not a number of type ${type}`)
      : value(number)
  }

const boolean = (text: string): Parsed => {
  const lower = text.toLowerCase()
  if (lower === "true" || lower === "false") return value(lower === "true")
  return fault("Expected value to be either true or false")
}

const double = (text: string): Parsed => {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[fFdD]?$/.test(text)) {
    return fault("Not a number of type DOUBLE")
  }
  return value(Number.parseFloat(text))
}

const list = (text: string): Parsed => value(elementsOf(text))

const parsers: { readonly [T in ConfigType]: (text: string) => Parsed } = {
  boolean,
  string: value,
  int: integer("INT", 32n),
  short: integer("SHORT", 16n),
  long: integer("LONG", 64n),
  double,
  list,
  class: value,
  password: value,
}

/** Kafka's message for what is wrong with a text, or undefined: the whole text is checked. */
export const faultOf =
  (name: string, type: ConfigType, check: Check): ((text: string) => string | undefined) =>
  (text) => {
    const parsed = parsers[type](text.trim())
    const found = parsed._tag === "fault" ? parsed.fault : check(parsed.value, name)
    if (found === undefined) return undefined
    if (typeof found !== "string") return found.message
    return `Invalid value ${shown(type, parsed, text)} for configuration ${name}: ${found}`
  }

/** Kafka prints the text while it does not parse, and what it parsed to when a check failed. */
const shown = (type: ConfigType, parsed: Parsed, text: string): string => {
  if (parsed._tag === "fault") return text
  const printed = String(parsed.value)
  if (type === "list") return `[${printed.replaceAll(",", ", ")}]`
  return type === "double" && Number.isInteger(parsed.value) ? `${printed}.0` : printed
}

/** As Kafka shows a value that is one: without the blanks around it. */
export const normalText = (type: ConfigType, text: string): string => {
  const trimmed = text.trim()
  if (type === "boolean") return trimmed.toLowerCase()
  if (type === "list") return elementsOf(trimmed).join(",")
  return trimmed
}

export const elementsOf = (text: string): ReadonlyArray<string> =>
  text.trim() === "" ? [] : text.split(",").map((element) => element.trim())
