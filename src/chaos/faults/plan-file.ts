/** A schedule as text, so that it can be read, kept, and repeated. */
import { faultKinds } from "../fault.ts"
import type { FaultKind, FaultPlan } from "../fault.ts"

const plansMax = 100_000

/** In one line, what is wrong with a plan's text. */
export class InvalidPlan extends Error {
  readonly _tag = "InvalidPlan"
}

/** One fault per line, so that lines can be taken out by hand. */
export function planText(plans: ReadonlyArray<FaultPlan>): string {
  const lines = plans.map(({ kind, atMs, durationMs, seed }) =>
    JSON.stringify({ kind, atMs, durationMs, seed }),
  )
  return `[\n${lines.map((line) => `  ${line}`).join(",\n")}\n]\n`
}

/** In the order of time. Throws `InvalidPlan`. Seeds are those that `planText` wrote. */
export function parsePlan(text: string): ReadonlyArray<FaultPlan> {
  const parsed = jsonOf(text)
  if (!Array.isArray(parsed)) throw new InvalidPlan("a plan of faults is a JSON array")
  if (parsed.length > plansMax) {
    throw new InvalidPlan(`a plan of ${parsed.length} faults: at most ${plansMax} are taken`)
  }
  const plans = parsed.map((item: unknown, i) => planOf(item, `fault ${i + 1} of the plan`))
  return plans.toSorted((a, b) => a.atMs - b.atMs)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new InvalidPlan(`a plan of faults is not JSON: ${why.replaceAll("\n", " ")}`)
  }
}

function planOf(item: unknown, name: string): FaultPlan {
  if (typeof item !== "object" || item === null || Array.isArray(item)) {
    throw new InvalidPlan(`${name} is not an object`)
  }
  const fields = new Map<string, unknown>(Object.entries(item))
  const whole = (field: string, max: number): number => {
    const value = fields.get(field)
    if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max) {
      return value
    }
    throw new InvalidPlan(`${name}: ${field} is not a whole number from 0 to ${max}`)
  }
  return {
    kind: kindOf(fields.get("kind"), name),
    atMs: whole("atMs", Number.MAX_SAFE_INTEGER),
    durationMs: whole("durationMs", Number.MAX_SAFE_INTEGER),
    seed: whole("seed", Number.MAX_SAFE_INTEGER),
  }
}

function kindOf(value: unknown, name: string): FaultKind {
  const kind = faultKinds.find((one) => one === value)
  if (kind === undefined) {
    throw new InvalidPlan(`${name} has the unknown kind ${JSON.stringify(value) ?? "undefined"}`)
  }
  return kind
}
