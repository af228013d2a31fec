/**
 * Fetch, sessionless (KIP-227 allows it: session id 0 makes every fetch a full one). Only committed
 * records leave here, from leaders and, from version 11 on, from followers too.
 */
import type { Partition } from "../../partition/partition.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { fetch } from "../../protocol/messages/fetch.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import type { WaitKey } from "../waiting.ts"
import type { Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"
import { LeadershipCheck, leadershipCheckMs } from "./leadership-check.ts"
import {
  checkLeaderEpoch,
  findPartition,
  findTopic,
  hintEndpoints,
  leaderHint,
} from "./partition-lookup.ts"
import type { LeaderHint, Lookup } from "./partition-lookup.ts"

type Request = RequestOf<typeof fetch>
type Asked = Request["topics"][number]["partitions"][number]
type Response = ResponseInput<typeof fetch>
type PartitionAnswer = NonNullable<NonNullable<Response["responses"]>[number]["partitions"]>[number]

/** From here on only topic ids are on the wire. */
const topicIdVersion = 13
/** From here on the client may read from a follower (KIP-392). */
const followerVersion = 11
const readCommitted = 1
const noBytes = new Uint8Array(0)

interface Item {
  readonly asked: Asked
  readonly lookup: Lookup
}

interface TopicItems {
  readonly topic: string
  readonly topicId: string
  readonly items: ReadonlyArray<Item>
}

/** What stands against reading there now, or the partition. */
type Readable =
  | { readonly _tag: "readable"; readonly partition: Partition }
  | { readonly _tag: "error"; readonly errorCode: number }
  | { readonly _tag: "diverging"; readonly epoch: number; readonly endOffset: number }

const wrong = (errorCode: number): Readable => ({ _tag: "error", errorCode })

function examine(item: Item, apiVersion: number): Readable {
  const { asked, lookup } = item
  if (lookup._tag === "missing") return wrong(lookup.errorCode)
  const { partition } = lookup
  const epochError = checkLeaderEpoch(partition, asked.currentLeaderEpoch)
  if (epochError !== ErrorCode.NONE) return wrong(epochError)
  if (!partition.isLeader) {
    if (apiVersion < followerVersion) return wrong(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    return examineFollower(partition, asked)
  }
  if (asked.fetchOffset < partition.logStartOffset || asked.fetchOffset > partition.logEndOffset) {
    return wrong(ErrorCode.OFFSET_OUT_OF_RANGE)
  }
  return divergence(partition, asked) ?? { _tag: "readable", partition }
}

/**
 * A follower may be behind what its leader has handed out: that is never the client's fault (trap
 * 22). One whose log is being filled up may be behind what it has handed out itself: as long as it
 * counts for nothing it does not say where the log ends either.
 */
function examineFollower(partition: Partition, asked: Asked): Readable {
  if (partition.raftGroup.node.standing !== "trusted") return wrong(ErrorCode.OFFSET_NOT_AVAILABLE)
  if (asked.fetchOffset < partition.logStartOffset) return wrong(ErrorCode.OFFSET_OUT_OF_RANGE)
  if (asked.fetchOffset > partition.logEndOffset) return wrong(ErrorCode.OFFSET_NOT_AVAILABLE)
  return { _tag: "readable", partition }
}

/**
 * KIP-595: the epoch of the last record the client holds; asked of leaders that know all that was
 * committed.
 */
function divergence(partition: Partition, asked: Asked): Readable | undefined {
  if (asked.lastFetchedEpoch < 0 || !partition.readyToServe) return undefined
  const end = partition.endOffsetForEpoch(asked.lastFetchedEpoch)
  if (end.endOffset < 0) return wrong(ErrorCode.OFFSET_OUT_OF_RANGE)
  if (end.leaderEpoch < asked.lastFetchedEpoch || end.endOffset < asked.fetchOffset) {
    return { _tag: "diverging", epoch: end.leaderEpoch, endOffset: end.endOffset }
  }
  return undefined
}

function failed(item: Item, errorCode: number): PartitionAnswer {
  return {
    partitionIndex: item.asked.partition,
    errorCode,
    highWatermark: -1,
    lastStableOffset: -1,
    logStartOffset: -1,
    // Kafka: no list where it never looked for the log, null where the log refused.
    abortedTransactions:
      item.lookup._tag === "missing" && item.lookup.info === undefined ? [] : null,
    records: noBytes,
  }
}

const isUnknown = ({ lookup }: Item): boolean =>
  lookup._tag === "missing" && lookup.info === undefined

interface TopicAnswer {
  readonly topic: string
  readonly topicId: string
  readonly partitions: ReadonlyArray<PartitionAnswer>
}

/**
 * As in Kafka: what nobody knows comes behind all that was looked for; neighbours of one topic
 * share a place.
 */
function unknownLast(
  answers: ReadonlyArray<TopicAnswer>,
  topics: ReadonlyArray<TopicItems>,
): ReadonlyArray<TopicAnswer> {
  if (!topics.some(({ items }) => items.some(isUnknown))) return answers
  const all = topics.flatMap(({ items }, i) =>
    items.map((item, j) => ({ unknown: isUnknown(item), of: answers[i], at: j })),
  )
  const ordered: TopicAnswer[] = []
  for (const { of, at } of [
    ...all.filter((one) => !one.unknown),
    ...all.filter((o) => o.unknown),
  ]) {
    const partition = of?.partitions[at]
    if (of === undefined || partition === undefined) continue
    const last = ordered.at(-1)
    if (last?.topic === of.topic && last.topicId === of.topicId) {
      ordered[ordered.length - 1] = { ...last, partitions: [...last.partitions, partition] }
    } else ordered.push({ ...of, partitions: [partition] })
  }
  return ordered
}

/** An answer that makes the client give up its position, by a leader that may not lead any more. */
function verdictOnEnd(item: Item, state: Readable): Partition | undefined {
  if (item.lookup._tag === "missing" || !item.lookup.partition.isLeader) return undefined
  const { partition } = item.lookup
  const pastEnd =
    state._tag === "error" &&
    state.errorCode === ErrorCode.OFFSET_OUT_OF_RANGE &&
    item.asked.fetchOffset >= partition.logStartOffset
  return pastEnd || state._tag === "diverging" ? partition : undefined
}

class FetchAttempt {
  readonly #context: RequestContext
  readonly #check: LeadershipCheck | undefined
  readonly #request: Request
  readonly #topics: ReadonlyArray<TopicItems>
  readonly #bytesMax: number

  constructor(request: Request, context: RequestContext, check: LeadershipCheck | undefined) {
    this.#context = context
    this.#request = request
    this.#check = check
    this.#bytesMax = Math.min(request.maxBytes, context.node.settings.fetchMaxBytes)
    const byId = context.apiVersion >= topicIdVersion
    this.#topics = request.topics.map((topic) => {
      const info = findTopic(context.node, { name: topic.topic, topicId: topic.topicId }, byId)
      const items = topic.partitions.map((asked) => ({
        asked,
        lookup: findPartition(context.node, info, asked.partition, byId),
      }))
      return { topic: topic.topic, topicId: topic.topicId, items }
    })
  }

  keys(): ReadonlyArray<WaitKey> {
    return this.#items().flatMap(({ lookup }) =>
      lookup._tag === "found" ? [lookup.info.group] : [],
    )
  }

  #items(): ReadonlyArray<Item> {
    return this.#topics.flatMap((topic) => topic.items)
  }

  /**
   * Trap 20: an error, a diverging epoch, enough bytes, or one partition that cannot give more than
   * it has.
   */
  worthAnswering(): boolean {
    const minBytes = Math.min(this.#request.minBytes, this.#bytesMax)
    if (minBytes <= 0) return true
    let bytes = 0
    let any = false
    for (const item of this.#items()) {
      any = true
      const state = examine(item, this.#context.apiVersion)
      if (state._tag !== "readable") return true
      const { fetchOffset, partitionMaxBytes } = item.asked
      const cap = Math.max(1, Math.min(partitionMaxBytes, this.#bytesMax))
      const readable = state.partition.readableBytes(fetchOffset, cap)
      bytes += readable
      if (readable >= cap || bytes >= minBytes) return true
    }
    return !any
  }

  /** Leaders whose word on the end of their log has not been checked. */
  unchecked(): ReadonlyArray<Partition> {
    return this.#items().flatMap((item) => {
      const partition = verdictOnEnd(item, examine(item, this.#context.apiVersion))
      return partition === undefined || this.#check?.asked(partition) ? [] : [partition]
    })
  }

  #state(item: Item): Readable {
    const state = examine(item, this.#context.apiVersion)
    const partition = verdictOnEnd(item, state)
    if (partition === undefined || this.#check?.confirmed(partition)) return state
    return wrong(ErrorCode.NOT_LEADER_OR_FOLLOWER)
  }

  respond(): Outcome {
    const { node, apiVersion } = this.#context
    const hints: LeaderHint[] = []
    let bytesLeft = this.#bytesMax
    let anyBytes = false
    const responses = this.#topics.map(({ topic, topicId, items }) => ({
      topic,
      topicId,
      partitions: items.map((item) => {
        const state = this.#state(item)
        if (state._tag === "readable") {
          const made = this.#read(state.partition, item, bytesLeft, !anyBytes)
          bytesLeft = Math.max(0, bytesLeft - made.bytes)
          anyBytes ||= made.bytes > 0
          return made.answer
        }
        if (state._tag === "diverging") return this.#diverging(item, state)
        const currentLeader = leaderHint(node, item.lookup.info, state.errorCode)
        hints.push(currentLeader)
        const made = failed(item, state.errorCode)
        return apiVersion >= 12 ? { ...made, currentLeader } : made
      }),
    }))
    const nodeEndpoints = apiVersion >= 16 ? hintEndpoints(node, hints) : []
    return answer({
      errorCode: ErrorCode.NONE,
      sessionId: 0,
      responses: unknownLast(responses, this.#topics),
      nodeEndpoints,
    } satisfies Response)
  }

  #read(partition: Partition, item: Item, bytesLeft: number, first: boolean) {
    const { fetchOffset, partitionMaxBytes } = item.asked
    const result = partition.read(fetchOffset, Math.min(partitionMaxBytes, bytesLeft), first)
    if (result.errorCode !== ErrorCode.NONE)
      return { answer: failed(item, result.errorCode), bytes: 0 }
    const made: PartitionAnswer = {
      partitionIndex: item.asked.partition,
      errorCode: ErrorCode.NONE,
      highWatermark: result.highWatermark,
      lastStableOffset: result.lastStableOffset,
      logStartOffset: result.logStartOffset,
      abortedTransactions: this.#request.isolationLevel === readCommitted ? [] : null,
      records: result.batches,
    }
    return { answer: made, bytes: result.bytes }
  }

  #diverging(item: Item, state: Extract<Readable, { _tag: "diverging" }>): PartitionAnswer {
    const partition = item.lookup._tag === "found" ? item.lookup.partition : undefined
    return {
      partitionIndex: item.asked.partition,
      errorCode: ErrorCode.NONE,
      highWatermark: partition?.highWatermark ?? -1,
      lastStableOffset: partition?.lastStableOffset ?? -1,
      logStartOffset: partition?.logStartOffset ?? -1,
      divergingEpoch: { epoch: state.epoch, endOffset: state.endOffset },
      abortedTransactions: null,
      records: noBytes,
    }
  }
}

/**
 * Epochs 0 (begin) and −1 (end) carry all partitions; any other goes on with a session, and we
 * never gave one.
 */
function goesOnWithSession(request: Request): boolean {
  return request.sessionEpoch !== 0 && request.sessionEpoch !== -1
}

export function handleFetch(request: Request, context: RequestContext): Outcome {
  if (goesOnWithSession(request)) {
    const errorCode = ErrorCode.FETCH_SESSION_ID_NOT_FOUND
    return answer({ errorCode, sessionId: 0, responses: [] } satisfies Response)
  }
  const attempt = (nowMs: number, expired: boolean, check?: LeadershipCheck): Outcome => {
    const asked = new FetchAttempt(request, context, check)
    if (expired || asked.worthAnswering()) {
      const unchecked = asked.unchecked()
      return unchecked.length === 0 ? asked.respond() : confirm(nowMs, unchecked)
    }
    return {
      _tag: "wait",
      keys: asked.keys(),
      deadlineMs: context.nowMs + request.maxWaitMs,
      retry: (laterMs, late) => attempt(laterMs, late),
    }
  }
  const confirm = (nowMs: number, unchecked: ReadonlyArray<Partition>): Outcome => {
    const check = new LeadershipCheck(unchecked, () => context.wake())
    if (check.done) return attempt(nowMs, true, check)
    const wait: Outcome = {
      _tag: "wait",
      keys: [],
      deadlineMs: nowMs + leadershipCheckMs,
      retry: (laterMs, late) => (check.done || late ? attempt(laterMs, true, check) : wait),
    }
    return wait
  }
  return attempt(context.nowMs, request.maxWaitMs <= 0)
}
