/**
 * What a member does with its partitions: asks where the group stands, reads on from there, commits
 * what it has read.
 */
import { ErrorCode } from "../../../protocol/error-codes.ts"
import { fetch } from "../../../protocol/messages/fetch.ts"
import type { ResponseOf } from "../../../protocol/schema.ts"
import type { Poll } from "../../history/history.ts"
import type { PartitionRef } from "../partition.ts"
import type { RawClient } from "../raw/raw-client.ts"
import { seenIn } from "../raw/seen-records.ts"
import { commitOffsets, fetchCommitted } from "./group-offsets.ts"
import type { Caller, Committed, Membership } from "./group-offsets.ts"
import { errorText, toldOf } from "./group-ports.ts"

const fetchWaitMs = 250
const fetchTimeoutMs = 5000
const bytesMax = 1 << 20

type FetchedPartition = ResponseOf<typeof fetch>["responses"][number]["partitions"][number]

interface Asked {
  readonly ref: PartitionRef
  readonly from: number
}

interface FetchedAt {
  readonly node: number
  readonly connection: number
  /** Run clock: before the request left. */
  readonly askedMs: number
}

/** What was assigned, and in whose name it is committed. */
export interface Assigned {
  readonly refs: ReadonlyArray<PartitionRef>
  readonly as: Membership
}

export class GroupReader {
  readonly #caller: Caller
  readonly #client: RawClient
  readonly #commitVersionMax: number
  readonly #positions = new Map<string, number>()
  readonly #committed = new Map<string, number>()
  #turn = 0
  #commits = 0

  constructor(caller: Caller, client: RawClient, commitVersionMax: number) {
    this.#caller = caller
    this.#client = client
    this.#commitVersionMax = commitVersionMax
  }

  /** Goes to where the group stands in these. */
  async seekToCommitted(refs: ReadonlyArray<PartitionRef>): Promise<Committed> {
    const found = await fetchCommitted(this.#caller, refs)
    if (found._tag === "offsets") {
      for (const [key, offset] of found.offsets) {
        // auto.offset.reset=earliest.
        this.#positions.set(key, Math.max(0, offset))
        this.#committed.set(key, offset)
      }
    }
    return found
  }

  /** One Fetch to one of the leaders; how many records it brought. */
  async poll(refs: ReadonlyArray<PartitionRef>): Promise<number> {
    const client = this.#client
    if (refs.some((ref) => client.leaderOf(ref).node === -1)) await client.refresh()
    const byLeader = Map.groupBy(refs, (ref) => client.leaderOf(ref).node)
    byLeader.delete(-1)
    const nodes = [...byLeader.keys()]
    const node = nodes[this.#turn++ % Math.max(1, nodes.length)]
    if (node === undefined) return 0
    const asked = (byLeader.get(node) ?? []).map((ref) => ({
      ref,
      from: this.#positions.get(ref.key) ?? 0,
    }))
    return this.#fetch(node, asked)
  }

  /** What has been read since, of those; gives the first error code, or 0. */
  async commit({ refs, as }: Assigned, isLate = false): Promise<number> {
    const positions = refs.flatMap((ref) => {
      const offset = this.#positions.get(ref.key)
      if (offset === undefined || (this.#committed.get(ref.key) === offset && !isLate)) return []
      return [{ ref, offset, tag: `${this.#caller.process}.${this.#commits++}` }]
    })
    if (positions.length === 0) return ErrorCode.NONE
    const code = await commitOffsets(this.#caller, positions, as, this.#commitVersionMax)
    if (code === ErrorCode.NONE && !isLate) {
      for (const { ref, offset } of positions) this.#committed.set(ref.key, offset)
    }
    return code
  }

  async #fetch(node: number, asked: ReadonlyArray<Asked>): Promise<number> {
    const askedMs = this.#client.nowMs
    const topics = Map.groupBy(asked, ({ ref }) => ref.topic)
    const input = {
      maxWaitMs: fetchWaitMs,
      minBytes: 1,
      maxBytes: bytesMax,
      topics: [...topics].map(([topic, own]) => ({
        topic: topic.name,
        topicId: topic.id,
        partitions: own.map(({ ref, from }) => ({
          partition: ref.partition,
          fetchOffset: from,
          partitionMaxBytes: bytesMax,
          currentLeaderEpoch: this.#client.leaderOf(ref).epoch,
        })),
      })),
    }
    const options = { versionMax: 16, timeoutMs: fetchTimeoutMs }
    const reply = await this.#client.ask(node, fetch, input, options)
    if (reply._tag !== "answer") {
      for (const { ref } of asked) this.#client.forgetLeader(ref)
      return 0
    }
    let count = 0
    for (const { topicId, partitions } of reply.answer.responses) {
      for (const answer of partitions) {
        const one = asked.find(
          ({ ref }) => ref.topic.id === topicId && ref.partition === answer.partitionIndex,
        )
        const at = { node, connection: reply.connection, askedMs }
        if (one !== undefined) count += this.#fetched(one, answer, at)
      }
    }
    return count
  }

  /** Answers without records are left out of the history: they would be most of it. */
  #fetched({ ref, from }: Asked, answer: FetchedPartition, at: FetchedAt): number {
    const { errorCode, logStartOffset } = answer
    if (errorCode !== 0) {
      if (errorCode !== ErrorCode.OFFSET_OUT_OF_RANGE) {
        this.#client.forgetLeader(ref)
        return 0
      }
      const unread = { records: [], highWatermark: answer.highWatermark, logStartOffset }
      this.#record(ref, { from, ...unread }, at, errorCode)
      this.#positions.set(ref.key, Math.max(0, logStartOffset))
      return 0
    }
    const { records, next } = seenIn(answer.records, from)
    this.#positions.set(ref.key, next)
    if (records.length === 0) return 0
    const { watermarkIsOlder } = this.#caller.ports.quirks
    const highWatermark = Math.max(answer.highWatermark, watermarkIsOlder ? next : -1)
    this.#record(ref, { from, records, highWatermark, logStartOffset }, at, errorCode)
    this.#client.ports.tally.saw(records.length)
    return records.length
  }

  #record(
    ref: PartitionRef,
    seen: Omit<Poll, "f" | "partition">,
    { node, connection, askedMs }: FetchedAt,
    errorCode: number,
  ): void {
    const { recorder } = this.#caller.ports
    const unknown = { records: [], highWatermark: -1, logStartOffset: -1 }
    const call = { f: "poll" as const, partition: ref.key, from: seen.from, ...unknown }
    const operation = recorder.begin(this.#caller.process, call, askedMs)
    const outcome = errorCode === 0 ? ("ok" as const) : ("fail" as const)
    operation.end(toldOf(outcome, node, connection, errorText(errorCode)), { f: "poll", ...seen })
  }
}
