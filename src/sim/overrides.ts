/**
 * Changing single options of a seed, by path: `workload.producers=2`, `faults.crash=off`,
 * `topics=[{"partitions":1,"replicationFactor":3}]`.
 */
import type { SimOptions } from "./options.ts"
import { faultClasses } from "./options.ts"

export type Json =
  | null
  | boolean
  | number
  | string
  | ReadonlyArray<Json>
  | { readonly [key: string]: Json }

/** A path that is not there, or a value of another shape than the one it replaces. */
export class OverrideError extends Error {
  override readonly name = "OverrideError"
}

/** Parses `path=value`; the value is JSON, or "off". */
export function parseOverride(item: string): readonly [path: string, value: Json] {
  const at = item.indexOf("=")
  if (at <= 0) throw new OverrideError(`${item}: expected path=value`)
  const text = item.slice(at + 1)
  if (text === "off") return [item.slice(0, at), null]
  try {
    const value: Json = JSON.parse(text)
    return [item.slice(0, at), value]
  } catch {
    throw new OverrideError(`${item}: the value is not JSON`)
  }
}

export function override(options: SimOptions, path: string, value: Json): SimOptions {
  const [first = "", second, ...more] = path.split(".")
  const known: Readonly<Record<string, unknown>> = { ...options }
  if (!(first in known) || more.length > 0) throw unknownPath(path, Object.keys(known))
  if (second === undefined) {
    requireSameShape(path, known[first], value)
    return { ...options, [first]: value }
  }
  if (first === "faults") return overrideFault(options, second, value)
  const inner = asRecord(known[first])
  if (inner === undefined || !(second in inner)) throw unknownPath(path, Object.keys(inner ?? {}))
  requireSameShape(path, inner[second], value)
  return { ...options, [first]: { ...inner, [second]: value } }
}

function overrideFault(options: SimOptions, name: string, value: Json): SimOptions {
  const found = faultClasses.find((one) => one === name)
  if (found === undefined) throw unknownPath(`faults.${name}`, faultClasses)
  if (value === null) {
    return {
      ...options,
      faults: Object.fromEntries(Object.entries(options.faults).filter(([key]) => key !== found)),
    }
  }
  requireSameShape(`faults.${name}`, 1, value)
  return { ...options, faults: { ...options.faults, [found]: value } }
}

const asRecord = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined

const shapeOf = (value: unknown): string => {
  if (Array.isArray(value)) return "list"
  return value === null ? "off" : typeof value
}

function requireSameShape(path: string, was: unknown, is: Json): void {
  if (shapeOf(was) === shapeOf(is)) return
  throw new OverrideError(`${path}: expected a ${shapeOf(was)}, got ${JSON.stringify(is)}`)
}

const unknownPath = (path: string, known: ReadonlyArray<string>) =>
  new OverrideError(`no option ${path}; there are: ${known.join(" ")}`)
