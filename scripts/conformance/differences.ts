/** Two decoded answers side by side, field by field. */
import { isObject, type Plain } from "./values.ts"

export interface Difference {
  /** `topics[0].partitions[1].errorCode`; empty for the answer as a whole. */
  readonly path: string
  readonly kafka: Plain
  readonly varve: Plain
}

const bytesOf = (value: Plain): Plain =>
  value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value

const under = (path: string, key: string) => (path === "" ? key : `${path}.${key}`)

/** The recorder took no answer within 40 s for a closed connection. */
const isClosed = (value: Plain) => value === "closed" || value === "silent"

/** Every smallest place at which the two are not equal. */
export function differencesBetween(kafka: Plain, varve: Plain, path = ""): Array<Difference> {
  if (Array.isArray(kafka) && Array.isArray(varve)) {
    if (kafka.length !== varve.length) return [{ path, kafka, varve }]
    return kafka.flatMap((element, i) => differencesBetween(element, varve[i], `${path}[${i}]`))
  }
  if (isObject(kafka) && isObject(varve)) {
    const keys = new Set([...Object.keys(kafka), ...Object.keys(varve)])
    return [...keys].flatMap((key) => differencesBetween(kafka[key], varve[key], under(path, key)))
  }
  if (isClosed(kafka) && isClosed(varve)) return []
  const [a, b] = [bytesOf(kafka), bytesOf(varve)]
  return Bun.deepEquals(a, b) ? [] : [{ path, kafka: a, varve: b }]
}
