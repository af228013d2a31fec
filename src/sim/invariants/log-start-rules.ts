/**
 * What may leave the front of a partition's log, by code that shares nothing with what decides it:
 * only what its topic's retention lets go, or what a client has asked to be deleted.
 */
import type { EntryEnvelope } from "../../../raft/types.ts"
import { decodeControlEntry, isControl } from "../../partition/control-entry.ts"
import type { LogStartMoved } from "../../partition/control-entry.ts"

/** Of the topic; undefined while it is not known. */
export type TopicConfigs = () => ReadonlyMap<string, string> | undefined

interface Batch {
  readonly lastOffset: number
  readonly bytes: number
  readonly timestamp: number
}

/** retention.ms of a topic that does not say. */
const weekMs = 604_800_000

export class LogStartRules {
  /** As the entries so far say; undefined once one was not seen with its bytes. */
  start: number | undefined = 0
  readonly #configs: TopicConfigs
  /** From the start on. */
  #batches: Array<Batch> = []
  /** Of all entries from the start on. */
  #bytes = 0
  #endOffset = 0

  constructor(configs: TopicConfigs) {
    this.#configs = configs
  }

  /** What is wrong, of a committed entry; each once, in order. */
  apply(entry: EntryEnvelope): string | undefined {
    const bytes = bytesOf(entry)
    this.#bytes += bytes
    if (entry.type !== "data") return undefined
    if (isControl(entry)) return this.#control(entry)
    const { lastOffset, maxTimestamp, appendMs } = entry
    const timestamp = maxTimestamp < 0 ? appendMs : maxTimestamp
    this.#batches.push({ lastOffset, bytes, timestamp })
    this.#endOffset = lastOffset + 1
    return undefined
  }

  #control(entry: EntryEnvelope): string | undefined {
    if (!hasPayload(entry)) {
      this.start = undefined
      return undefined
    }
    const said = decodeControlEntry(entry.payload)
    if (said._tag !== "LogStartMoved") return undefined
    return this.#move(said, entry)
  }

  #move({ offset, why }: LogStartMoved, { index, appendMs }: EntryEnvelope): string | undefined {
    const where = `#${index} moves the start to ${offset} (${why})`
    if (offset > this.#endOffset) return `${where}, the log ends at ${this.#endOffset}`
    const configs = this.#configs()
    let gone = 0
    for (; (this.#batches[gone]?.lastOffset ?? Infinity) < offset; gone++) {
      const batch = this.#batches[gone]
      if (batch === undefined) break
      this.#bytes -= batch.bytes
      if (why === "deleteRecords" || configs === undefined) continue
      const isDue = batch.timestamp + limit(configs, "retention.ms", weekMs) < appendMs
      const isMore = this.#bytes >= limit(configs, "retention.bytes", -1)
      if (!isDue && !isMore) return `${where}, ${batch.lastOffset} is to stay`
    }
    this.#batches = this.#batches.slice(gone)
    if (this.start !== undefined) this.start = Math.max(this.start, offset)
    return undefined
  }
}

/** −1 is without end. */
function limit(configs: ReadonlyMap<string, string>, name: string, standard: number): number {
  const value = Number(configs.get(name) ?? standard)
  return value < 0 ? Infinity : value
}

const hasPayload = (
  entry: EntryEnvelope,
): entry is EntryEnvelope & { readonly payload: Uint8Array } =>
  "payload" in entry && entry.payload instanceof Uint8Array

function bytesOf(entry: EntryEnvelope): number {
  if (hasPayload(entry)) return entry.payload.length
  return "payloadBytes" in entry && typeof entry.payloadBytes === "number" ? entry.payloadBytes : 0
}
