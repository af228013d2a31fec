/** The bounds of a table's row (config-table.ts) as checks, with Kafka's words. */
import { whole } from "./config-values.ts"
import type { Check, ConfigType, ConfigValue } from "./config-values.ts"

/** Throws on bounds that are none. */
export const checkOf = (type: ConfigType, bounds: string): Check => {
  if (bounds === "any") return () => undefined
  if (bounds === "non-empty") return nonEmpty
  if (bounds === "throttled-replicas") return throttledReplicas
  if (bounds === "offset-reset") return offsetReset
  const atLeast = /^>=(-?\d+)$/.exec(bounds)
  if (atLeast) return between(Number(atLeast[1]), Infinity)
  const range = /^(-?\d+)\.\.(-?\d+)(?: or (-?\d+))?$/.exec(bounds)
  if (range?.[3] !== undefined) return betweenOr(range[1]!, range[2]!, range[3])
  if (range) return between(Number(range[1]), Number(range[2]))
  const words = /^(of|any-case) (.+)$/.exec(bounds)
  if (words === null) throw new Error(`a config table has the bounds ${bounds}`)
  const valid = words[2]!.split(",")
  if (words[1] === "any-case") return oneOfAnyCase(valid)
  return type === "list" ? listOf(valid) : oneOf(valid)
}

const isNumber = (value: ConfigValue): value is bigint | number =>
  typeof value === "bigint" || typeof value === "number"

const between =
  (minimum: number, maximum: number): Check =>
  (number) => {
    if (!isNumber(number)) return undefined
    if (number < minimum) return `Value must be at least ${minimum}`
    return number > maximum ? `Value must be no more than ${maximum}` : undefined
  }

/** Compression level of gzip: a range, or one value that stands for "as the library likes". */
const betweenOr =
  (minimum: string, maximum: string, special: string): Check =>
  (number) =>
    isNumber(number) &&
    (number === BigInt(special) || (number >= Number(minimum) && number <= Number(maximum)))
      ? undefined
      : `Value must be between ${minimum} and ${maximum} or equal to ${special}`

const oneOf =
  (valid: ReadonlyArray<string>): Check =>
  (text) =>
    valid.includes(String(text)) ? undefined : `String must be one of: ${valid.join(", ")}`

const oneOfAnyCase =
  (valid: ReadonlyArray<string>): Check =>
  (text) =>
    valid.includes(String(text).toUpperCase())
      ? undefined
      : `String must be one of (case insensitive): ${valid.join(", ")}`

/** Every element must be one of `valid`; twice is as good as once. */
const listOf =
  (valid: ReadonlyArray<string>): Check =>
  (elements, name) => {
    if (typeof elements !== "object") return undefined
    if (elements.includes("")) return whole(`Configuration '${name}' values must not be empty.`)
    const wrong = elements.find((element) => !valid.includes(element))
    if (wrong === undefined) return undefined
    const message = `String must be one of: ${valid.join(", ")}`
    return whole(`Invalid value ${wrong} for configuration ${name}: ${message}`)
  }

const nonEmpty: Check = (text) => (text === "" ? "String must be non-empty" : undefined)

const throttledReplicas: Check = (elements, name) => {
  if (typeof elements !== "object") return undefined
  const wildcard = elements.length === 1 && elements[0] === "*"
  if (wildcard || elements.every((element) => /^(\d+:\d+)?$/.test(element))) return undefined
  return (
    `${name} must be the literal '*' or a list of replicas in the following format: ` +
    `[partitionId]:[brokerId],[partitionId]:[brokerId],...`
  )
}

const duration = /^P(?!$)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d{1,9})?S)?)?$/i

const offsetReset: Check = (text, name) => {
  const said = String(text)
  const lower = said.toLowerCase()
  if (lower === "earliest" || lower === "latest") return undefined
  if (lower.startsWith("by_duration:") && duration.test(said.slice(12))) return undefined
  return (
    `Invalid value \`${said}\` for configuration ${name}. The value must be either 'earliest', ` +
    "'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'."
  )
}
