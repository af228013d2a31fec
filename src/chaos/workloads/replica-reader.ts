/** What one replica of a partition holds, read by Fetch from that replica, past the proxy. */
import { ErrorCode, errorName } from "../../protocol/error-codes.ts"
import { fetch } from "../../protocol/messages/fetch.ts"
import type { PartitionRef } from "../drivers/partition.ts"
import type { Links } from "../drivers/raw/links.ts"
import { seenIn } from "../drivers/raw/seen-records.ts"
import type { SeenRecord } from "../history/history.ts"

/** All partitions of a broker are read side by side. */
const bytesMax = 1 << 20
const timeoutMs = 10_000
const backOffMs = 50
/** Below the high watermark; after so many nothing is left there. */
const emptyAnswersMax = 5

/** Records that the replicas of a partition share, so that they are in memory once. */
export type SharedRecords = Map<number, SeenRecord>

export class ReplicaReader {
  readonly ref: PartitionRef
  readonly node: number
  readonly #links: Links
  readonly #shared: SharedRecords
  #records: Array<SeenRecord> = []
  /** Where to read on; −1: it is not known where this replica begins. */
  #position = -1
  #emptyAnswers = 0
  logStartOffset = 0
  highWatermark = -1
  connection = -1
  attempts = 0
  /** Why it is not read completely. */
  trouble = "not asked yet"

  constructor(links: Links, ref: PartitionRef, node: number, shared: SharedRecords) {
    this.#links = links
    this.ref = ref
    this.node = node
    this.#shared = shared
  }

  get records(): ReadonlyArray<SeenRecord> {
    return this.#records
  }

  /** False: `isLate` said so before everything below `end` had been read. */
  async readTo(end: number, isLate: () => boolean): Promise<boolean> {
    while (this.#position < 0 || this.#position < end || this.highWatermark < end) {
      if (isLate()) return false
      if (!(await this.#fetch(end))) await Bun.sleep(backOffMs)
    }
    return true
  }

  /** Asks at the end first: that answer tells where the replica's log begins. False: in vain. */
  async #fetch(end: number): Promise<boolean> {
    const { topic, partition } = this.ref
    const from = this.#position < 0 ? end : this.#position
    const asked = { partition, fetchOffset: from, partitionMaxBytes: bytesMax }
    const topics = [{ topic: topic.name, topicId: topic.id, partitions: [asked] }]
    const input = { maxWaitMs: 100, minBytes: 1, maxBytes: bytesMax, topics }
    this.attempts++
    const reply = await this.#links.ask(this.node, fetch, input, { timeoutMs })
    this.connection = reply.connection
    if (reply._tag !== "answer") {
      this.trouble = reply.error
      return false
    }
    const result = reply.answer.responses[0]?.partitions[0]
    const errorCode = result?.errorCode ?? reply.answer.errorCode
    if (result === undefined || errorCode !== ErrorCode.NONE) {
      this.trouble = `${errorName(errorCode)} at ${from}`
      // The front of its log is gone.
      if (errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) this.#beginAgain()
      return false
    }
    this.highWatermark = result.highWatermark
    this.logStartOffset = Math.max(this.logStartOffset, result.logStartOffset)
    this.trouble = `read to ${from} of ${end}, its high watermark is ${result.highWatermark}`
    if (this.#position < 0) {
      // A replica that is behind its leader is asked again.
      if (result.highWatermark < end) return false
      this.#position = result.logStartOffset
      return true
    }
    const { records, next } = seenIn(result.records, from, topic.nameOf)
    for (const record of records) this.#records.push(this.#share(record))
    this.#position = next
    this.#emptyAnswers = next > from ? 0 : this.#emptyAnswers + 1
    // The last records of a log may have been compacted away.
    const isOver = topic.isCompacted === true && this.#emptyAnswers >= emptyAnswersMax
    if (isOver) this.#position = end
    return isOver || next > from
  }

  #beginAgain(): void {
    this.#records = []
    this.#position = -1
  }

  #share(record: SeenRecord): SeenRecord {
    const known = this.#shared.get(record[0])
    if (known === undefined) {
      this.#shared.set(record[0], record)
      return record
    }
    return known[1] === record[1] && known[2] === record[2] ? known : record
  }
}
