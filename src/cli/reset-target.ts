/** Where a group or a reader is to begin, in words that people use. Pure. */

const ages: Readonly<Record<string, string>> = { s: "PT#S", m: "PT#M", h: "PT#H", d: "P#D" }

/** As the options of kafka-consumer-groups; undefined for what is none of these. */
export function resetOptions(
  text: string,
): ReadonlyArray<readonly [string, ReadonlyArray<string>]> | undefined {
  const word = text.trim().toLowerCase()
  if (word === "earliest" || word === "beginning") return [["to-earliest", []]]
  if (word === "latest" || word === "end") return [["to-latest", []]]
  if (/^\d{1,15}$/.test(word)) return [["to-offset", [word]]]
  if (/^[+-]\d{1,15}$/.test(word)) return [["shift-by", [word]]]
  const [, count, unit] = /^(\d{1,9})([smhd])$/.exec(word) ?? []
  const age = ages[unit ?? ""]
  if (count !== undefined && age !== undefined) return [["by-duration", [age.replace("#", count)]]]
  const time = parseTime(text)
  return time === undefined ? undefined : [["to-datetime", [new Date(time).toISOString()]]]
}

/** A date, or a date and a time, in this machine's zone unless it names one; ms. */
function parseTime(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/.test(text)) {
    return undefined
  }
  const whole = text.length === 10 ? `${text}T00:00` : text.replace(" ", "T")
  const ms = new Date(whole).getTime()
  return Number.isNaN(ms) ? undefined : ms
}

export type StartingPoint =
  | { readonly _tag: "beginning" }
  | { readonly _tag: "end" }
  | { readonly _tag: "offset"; readonly offset: number }
  | { readonly _tag: "time"; readonly ms: number }

const unitsMs: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** Undefined for what is none. */
export function startingPoint(text: string, nowMs: number): StartingPoint | undefined {
  const word = text.trim().toLowerCase()
  if (word === "earliest" || word === "beginning") return { _tag: "beginning" }
  if (word === "latest" || word === "end") return { _tag: "end" }
  if (/^\d{1,15}$/.test(word)) return { _tag: "offset", offset: Number(word) }
  const [, count, unit] = /^(\d{1,9})([smhd])$/.exec(word) ?? []
  if (count !== undefined) {
    return { _tag: "time", ms: nowMs - Number(count) * (unitsMs[unit ?? ""] ?? 0) }
  }
  const ms = parseTime(text)
  return ms === undefined ? undefined : { _tag: "time", ms }
}
