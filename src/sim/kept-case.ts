/** A case as it is kept in a file: what the shrinker writes and what the tests replay for ever. */
import type { SimCase } from "./case.ts"
import type { Alarm } from "./result.ts"

export interface KeptCase extends SimCase {
  /** What went wrong before it was mended, in one line. */
  readonly about: string
  readonly found?: {
    readonly seed: number
    readonly commit: string
    readonly alarm: Pick<Alarm, "kind" | "detail">
  }
}

/** A file that is not a case. */
export class CaseError extends Error {
  override readonly name = "CaseError"
}

export function parseCase(text: string): KeptCase {
  const parsed: unknown = parseJson(text)
  if (!isCase(parsed)) throw new CaseError("not a kept case: options and plan are missing in it")
  return parsed
}

export const printCase = (kept: KeptCase): string => `${JSON.stringify(kept, undefined, 2)}\n`

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new CaseError("not a kept case: not JSON")
  }
}

function isCase(value: unknown): value is KeptCase {
  return (
    typeof value === "object" &&
    value !== null &&
    "options" in value &&
    typeof value.options === "object" &&
    value.options !== null &&
    "seed" in value.options &&
    "plan" in value &&
    Array.isArray(value.plan)
  )
}
