/**
 * How Kafka reads and checks the text of a setting (org.apache.kafka.common.config.ConfigDef), in
 * its words.
 */

export type ConfigType = "boolean" | "string" | "int" | "long" | "double" | "list"

/**
 * What is wrong with a parsed value, or undefined. Kafka names value and setting before it, unless
 * it is whole.
 */
export type Check<T> = (value: T, name: string) => string | Whole | undefined

interface Whole {
  readonly message: string
}

const whole = (message: string): Whole => ({ message })

/** Integers of both widths are bigint: Long.MAX_VALUE is a default, and no double holds it. */
export interface ConfigValues {
  readonly boolean: boolean
  readonly string: string
  readonly int: bigint
  readonly long: bigint
  readonly double: number
  readonly list: ReadonlyArray<string>
}

type Parsed<T> =
  | { readonly _tag: "value"; readonly value: T }
  | { readonly _tag: "fault"; readonly fault: string }

const value = <T>(parsed: T): Parsed<T> => ({ _tag: "value", value: parsed })
const fault = <T>(text: string): Parsed<T> => ({ _tag: "fault", fault: text })

const integer =
  (type: "INT" | "LONG", bits: bigint) =>
  (text: string): Parsed<bigint> => {
    const limit = 1n << (bits - 1n)
    // Longer digits than any int64 has are not worth a conversion.
    if (!/^[+-]?\d{1,30}$/.test(text)) return fault(`Not a number of type ${type}`)
    const number = BigInt(text.startsWith("+") ? text.slice(1) : text)
    return number < -limit || number >= limit
      ? fault(`Not a number of type ${type}`)
      : value(number)
  }

const boolean = (text: string): Parsed<boolean> => {
  const lower = text.toLowerCase()
  if (lower === "true" || lower === "false") return value(lower === "true")
  return fault("Expected value to be either true or false")
}

const double = (text: string): Parsed<number> => {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[fFdD]?$/.test(text)) {
    return fault("Not a number of type DOUBLE")
  }
  return value(Number.parseFloat(text))
}

const list = (text: string): Parsed<ReadonlyArray<string>> =>
  value(text === "" ? [] : text.split(",").map((element) => element.trim()))

const parsers: { readonly [T in ConfigType]: (text: string) => Parsed<ConfigValues[T]> } = {
  boolean,
  string: value,
  int: integer("INT", 32n),
  long: integer("LONG", 64n),
  double,
  list,
}

export interface ConfigKey<T extends ConfigType = ConfigType> {
  readonly name: string
  readonly type: T
  readonly default: string
  /** The broker setting whose value, when it was set, takes the place of the default. */
  readonly synonym: string | undefined
  /** Kafka's message for what is wrong, or undefined: the whole text is checked. */
  readonly fault: (text: string) => string | undefined
}

export const configKey = <T extends ConfigType>(
  name: string,
  type: T,
  defaultText: string,
  synonym: string | undefined,
  check: Check<ConfigValues[T]> = () => undefined,
): ConfigKey => ({
  name,
  type,
  default: defaultText,
  synonym,
  fault: (text) => {
    const parsed: Parsed<ConfigValues[T]> = parsers[type](text.trim())
    const found = parsed._tag === "fault" ? parsed.fault : check(parsed.value, name)
    if (found === undefined) return undefined
    if (typeof found !== "string") return found.message
    return `Invalid value ${shown(type, parsed, text)} for configuration ${name}: ${found}`
  },
})

/** Kafka prints the text while it does not parse, and what it parsed to when a check failed. */
const shown = (type: ConfigType, parsed: Parsed<unknown>, text: string): string => {
  if (parsed._tag === "fault") return text
  const printed = String(parsed.value)
  if (type === "list") return `[${printed.replaceAll(",", ", ")}]`
  return type === "double" && Number.isInteger(parsed.value) ? `${printed}.0` : printed
}

export const atLeast =
  (minimum: bigint): Check<bigint> =>
  (number) =>
    number < minimum ? `Value must be at least ${minimum}` : undefined

export const between =
  (minimum: number, maximum: number): Check<number | bigint> =>
  (number) => {
    if (number < minimum) return `Value must be at least ${minimum}`
    return number > maximum ? `Value must be no more than ${maximum}` : undefined
  }

export const oneOf =
  (...valid: ReadonlyArray<string>): Check<string> =>
  (text) =>
    valid.includes(text) ? undefined : `String must be one of: ${valid.join(", ")}`

/** Compression level of gzip: a range, or one value that stands for "as the library likes". */
export const betweenOr =
  (minimum: bigint, maximum: bigint, special: bigint): Check<bigint> =>
  (number) =>
    number === special || (number >= minimum && number <= maximum)
      ? undefined
      : `Value must be between ${minimum} and ${maximum} or equal to ${special}`

/** Every element must be one of `valid`; twice is as good as once. */
export const listOf =
  (...valid: ReadonlyArray<string>): Check<ReadonlyArray<string>> =>
  (elements, name) => {
    if (elements.includes("")) return whole(`Configuration '${name}' values must not be empty.`)
    const wrong = elements.find((element) => !valid.includes(element))
    if (wrong === undefined) return undefined
    const message = `String must be one of: ${valid.join(", ")}`
    return whole(`Invalid value ${wrong} for configuration ${name}: ${message}`)
  }
