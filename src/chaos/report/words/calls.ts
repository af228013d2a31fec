/** An operation in words: what was asked, and what was answered. Bounded, however large it was. */
import type { Operation, SeenRecord } from "../../history/history.ts"
import { counted, partitionLabel, shortened } from "../format.ts"

const itemsMax = 6
const valueCharactersMax = 32

/** "append a, b (acks=all)". */
export function askedText(operation: Operation): string {
  switch (operation.f) {
    case "append": {
      const acks = operation.acks === -1 ? "all" : operation.acks
      return `append ${listed(operation.values)} (acks=${acks})`
    }
    case "poll":
      return operation.from < 0 ? "read on" : `read from ${operation.from}`
    case "drain":
      return "read the whole log, after the end"
    case "list":
      return `ask for the offset at ${whenText(operation.at)}`
    case "epochEnd":
      return `ask where epoch ${operation.epoch} ends`
    case "remove":
      return `delete records before ${operation.offset < 0 ? "the end" : operation.offset}`
    case "commit":
      return `commit ${operation.offset} as ${memberText(operation)}`
    case "committed":
      return `ask what ${shortened(operation.group, valueCharactersMax)} has committed`
    case "process":
      return `process ${listed([operation.value])} at ${operation.offset}`
    case "assign":
      return `${shortened(operation.member, valueCharactersMax)} is told what it owns`
    default:
      return `${operation.f} ${restText(operation)}`
  }
}

type Told = { readonly member: string; readonly generation: number }

const memberText = (told: Told): string =>
  `${shortened(told.member, valueCharactersMax)}${generationText(told)}`

/** −1: not told. */
const generationText = ({ generation }: Pick<Told, "generation">): string =>
  generation < 0 ? "" : `, generation ${generation}`

const whenText = (at: number): string =>
  at === -1 ? "the end" : at === -2 ? "the beginning" : at === -3 ? "the latest time" : `time ${at}`

/** "at 42", "3 records from 12: …", "refused: NOT_LEADER". */
export function answerText(operation: Operation): string {
  if (operation.outcome === "pending") return "no answer before the end"
  if (operation.outcome === "info") return `unknown: ${operation.error || "no answer"}`
  if (operation.outcome === "fail") return `refused: ${operation.error || "no reason given"}`
  switch (operation.f) {
    case "append":
      return operation.offset < 0 ? "acknowledged" : `acknowledged at ${operation.offset}`
    case "poll":
      return recordsText(operation.records, operation.highWatermark)
    case "drain": {
      const { records, logStartOffset, highWatermark } = operation
      return `${counted(records.length, "record")} from ${logStartOffset} up to ${highWatermark}`
    }
    case "list":
      return `offset ${operation.offset}`
    case "epochEnd":
      return `epoch ${operation.endEpoch} ends at ${operation.endOffset}`
    case "remove":
      return `the log begins at ${operation.lowWatermark}`
    case "committed":
      return operation.offset < 0 ? "nothing" : `${operation.offset}`
    case "assign":
      return `${listed(operation.partitions.map(partitionLabel))}${generationText(operation)}`
    case "commit":
      return "committed"
    default:
      return "done"
  }
}

function recordsText(records: ReadonlyArray<SeenRecord>, highWatermark: number): string {
  const end = highWatermark < 0 ? "" : `; high watermark ${highWatermark}`
  const seen = records.map(([offset, value]) => `${offset} ${value}`)
  return records.length === 0 ? `nothing${end}` : `${listed(seen)}${end}`
}

function listed(items: ReadonlyArray<string>): string {
  const shown = items.slice(0, itemsMax).map((item) => shortened(item, valueCharactersMax))
  const more = items.length - shown.length
  return more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ")
}

const ofSpan = new Set(
  "id process invoked returned invokedMs returnedMs outcome node connection attempts error f".split(
    " ",
  ),
)

/** The plain fields of kinds that have no words of their own. */
const restText = (operation: Operation): string =>
  Object.entries(operation)
    .filter(([name, value]) => !ofSpan.has(name) && typeof value !== "object" && value !== "")
    .slice(0, itemsMax)
    .map(([name, value]) => `${name} ${shortened(String(value), valueCharactersMax)}`)
    .join(", ")
