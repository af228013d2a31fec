/** What `--reset-offsets` is told in words: times, durations, CSV files, topics. Pure. */
import type { TopicPartition } from "../../client/topic-partition.ts"
import { ToolError } from "./tool-error.ts"

const runtime = (inner: string): ToolError => new ToolError("java.lang.RuntimeException", inner)

const daysPattern =
  /^([-+]?)P(?:([-+]?\d+)D)?(T(?:([-+]?\d+)H)?(?:([-+]?\d+)M)?(?:([-+]?\d+)(?:[.,](\d{0,9}))?S)?)?$/i

const part = (word: string | undefined, unitMs: number): number => Number(word ?? 0) * unitMs

/** Java's `Duration.parse`, in ms. */
export function parseDuration(text: string): number {
  const match = daysPattern.exec(text)
  const [, sign, days, time, hours, minutes, seconds, fraction] = match ?? []
  const nothing = [days, hours, minutes, seconds].every((one) => one === undefined)
  if (match === null || nothing || time?.length === 1) {
    const exception = "java.time.format.DateTimeParseException"
    throw new ToolError(exception, "Text cannot be parsed to a Duration")
  }
  const fractionMs = Math.trunc(Number(`0.${fraction ?? "0"}`) * 1000)
  const ms =
    part(days, 86_400_000) +
    part(hours, 3_600_000) +
    part(minutes, 60_000) +
    part(seconds, 1000) +
    (seconds?.startsWith("-") === true ? -fractionMs : fractionMs)
  return sign === "-" ? -ms : ms
}

const timePattern =
  /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3})\d*)?)?(Z|[+-]\d{2}(?::?\d{2})?)?$/

/** `YYYY-MM-DDTHH:mm:SS.sss`, without a zone in UTC, in ms since the epoch. */
export function parseDatetime(text: string): number {
  if (!text.includes("T")) {
    const what = "Error parsing timestamp. It does not contain a 'T' according to ISO8601 format"
    throw runtime(`java.text.ParseException: ${what}`)
  }
  const match = timePattern.exec(text)
  if (match === null) throw runtime(`java.text.ParseException: Unparseable date: "${text}"`)
  const [, year, month, day, hour, minute, second, fraction, zone] = match
  const [y, mo, d, h, mi, s] = [year, month, day, hour, minute, second].map((one) =>
    Number(one ?? 0),
  )
  const ms = Number((fraction ?? "").padEnd(3, "0"))
  const utc = Date.UTC(y ?? 0, (mo ?? 1) - 1, d, h, mi, s, ms)
  return utc - zoneMs(zone)
}

function zoneMs(zone: string | undefined): number {
  if (zone === undefined || zone === "Z") return 0
  const [, sign, hours, minutes] = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone) ?? []
  const ms = (Number(hours) * 60 + Number(minutes ?? 0)) * 60_000
  return sign === "-" ? -ms : ms
}

export interface PlannedOffset extends TopicPartition {
  readonly group: string
  readonly offset: number
}

/**
 * `topic,partition,offset` for the one group, or `group,topic,partition,offset`. Empty lines are
 * passed over.
 */
export function parseResetPlan(
  text: string,
  groups: ReadonlyArray<string>,
): ReadonlyArray<PlannedOffset> {
  const lines = text.split("\n").filter((line) => line.trim() !== "")
  const [only] = groups
  const short = lines[0]?.split(",").length === 3
  return lines.map((line) => {
    const cells = line.split(",").map((cell) => cell.trim().replaceAll(/^"|"$/g, ""))
    const [group, topic, partition, offset] =
      short && groups.length === 1 ? [only, ...cells] : cells
    const numbers = [partition, offset].every((cell) => /^-?\d+$/.test(cell ?? ""))
    if (group === undefined || topic === undefined || !numbers) {
      throw runtime(`java.io.IOException: not [group,]topic,partition,offset: ${line}`)
    }
    return { group, topic, partition: Number(partition), offset: Number(offset) }
  })
}

/** One line each, with the group only where there may be several. */
export function formatResetPlan(offsets: ReadonlyArray<PlannedOffset>, withGroup: boolean): string {
  const lines = offsets.map(({ group, topic, partition, offset }) =>
    [...(withGroup ? [group] : []), topic, partition, offset].join(","),
  )
  return `${lines.map((line) => `${line}\n`).join("")}\n`
}

export interface TopicScope {
  readonly topic: string
  /** Undefined: all of them. */
  readonly partitions: ReadonlyArray<number> | undefined
}

/** `topic` or `topic:0,1,2`. Throws a plain Error, which the tool shows with its help. */
export function parseTopicScope(text: string): TopicScope {
  if (!text.includes(":")) return { topic: text, partitions: undefined }
  const parts = text.split(":")
  const [topic, ids] = parts
  if (parts.length !== 2 || topic === undefined || ids === undefined || ids === "") {
    throw new Error(`Invalid topic arg '${text}', expected topic name and partitions`)
  }
  const partitions = ids.split(",").map((id) => {
    if (/^[+-]?\d{1,9}$/.test(id)) return Number(id)
    throw new Error(`Invalid partition '${id}' specified in topic arg '${text}''`)
  })
  return { topic, partitions }
}
