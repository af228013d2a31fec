/**
 * Produce: each partition's batch is validated, offered to its leader here, and answered when that
 * says so. Effects happen in the order of requests (the append is synchronous), answers when their
 * partitions are done.
 */
import type { AppendReply } from "../../partition/partition.ts"
import type { TopicInfo } from "../../cluster/image.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { produce } from "../../protocol/messages/produce.ts"
import { isTransactional, validateProduceBatch } from "../../protocol/record-batch.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import type { Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"
import { findPartition, findTopic, hintEndpoints, leaderHint } from "./partition-lookup.ts"
import type { Lookup } from "./partition-lookup.ts"

type Request = RequestOf<typeof produce>
type PartitionData = Request["topicData"][number]["partitionData"][number]
type Response = ResponseInput<typeof produce>
type PartitionAnswer = NonNullable<
  NonNullable<Response["responses"]>[number]["partitionResponses"]
>[number]

/** From here on only topic ids are on the wire. */
const topicIdVersion = 13
/**
 * acks=1 ends by the leader's own fsync, whatever timeout the client names; this is only against a
 * stuck disk.
 */
const leaderAckDeadlineMs = 30_000

interface Slot {
  readonly index: number
  readonly lookup: Lookup
  answer: PartitionAnswer | undefined
}

interface TopicSlots {
  readonly name: string
  readonly topicId: string
  readonly slots: ReadonlyArray<Slot>
}

/** A topic that a request names twice has one place in the answer, as in Kafka. */
function mergedByTopic(topics: ReadonlyArray<TopicSlots>): ReadonlyArray<TopicSlots> {
  if (topics.length < 2) return topics
  const merged = new Map<string, TopicSlots>()
  for (const topic of topics) {
    const key = `${topic.name} ${topic.topicId}`
    const slots = [...(merged.get(key)?.slots ?? []), ...topic.slots]
    merged.set(key, { ...topic, slots })
  }
  return [...merged.values()]
}

function failed(
  index: number,
  errorCode: number,
  errorMessage: string | null = null,
  logStartOffset = -1,
): PartitionAnswer {
  return { index, errorCode, baseOffset: -1, logAppendTimeMs: -1, logStartOffset, errorMessage }
}

function replied(index: number, reply: AppendReply): PartitionAnswer {
  return {
    index,
    errorCode: reply.errorCode,
    baseOffset: reply.baseOffset,
    logAppendTimeMs: reply.logAppendTimeMs,
    logStartOffset: reply.logStartOffset,
    errorMessage: reply.errorMessage ?? null,
  }
}

class ProduceAttempt {
  readonly #context: RequestContext
  readonly #request: Request
  readonly #topics: ReadonlyArray<TopicSlots>
  #pending = 0
  #appending = true

  constructor(request: Request, context: RequestContext) {
    this.#context = context
    this.#request = request
    this.#topics = mergedByTopic(request.topicData.map((topic) => this.#appendTopic(topic)))
    this.#appending = false
  }

  get done(): boolean {
    return this.#pending === 0
  }

  /** An error known by the time everything was appended; with acks=0 it ends the connection. */
  get failedAtOnce(): boolean {
    return this.#topics.some((topic) =>
      topic.slots.some((slot) => (slot.answer?.errorCode ?? ErrorCode.NONE) !== ErrorCode.NONE),
    )
  }

  #appendTopic(topic: Request["topicData"][number]): TopicSlots {
    const { node, apiVersion } = this.#context
    const byId = apiVersion >= topicIdVersion
    const info = findTopic(node, topic, byId)
    const slots = topic.partitionData.map((data) => this.#appendPartition(info, data, byId))
    return { name: topic.name, topicId: topic.topicId, slots }
  }

  #appendPartition(topic: TopicInfo | undefined, data: PartitionData, byId: boolean): Slot {
    const { node } = this.#context
    const lookup = findPartition(node, topic, data.index, byId)
    const slot: Slot = { index: data.index, lookup, answer: undefined }
    if (lookup.info !== undefined && topic?.internal === true) {
      // Kafka lets only its own coordinators write there, and answers this before it looks who
      // leads.
      slot.answer = failed(data.index, ErrorCode.INVALID_TOPIC_EXCEPTION)
    } else if (lookup._tag === "missing") slot.answer = failed(data.index, lookup.errorCode)
    else if (!lookup.partition.isLeader) {
      slot.answer = failed(data.index, ErrorCode.NOT_LEADER_OR_FOLLOWER)
    } else this.#offer(slot, lookup.partition, data, topic?.name ?? "")
    return slot
  }

  #offer(
    slot: Slot,
    partition: Extract<Lookup, { _tag: "found" }>["partition"],
    data: PartitionData,
    topic: string,
  ) {
    const { apiVersion, node } = this.#context
    const wallMs = node.wallMs()
    const { config } = partition
    const batch = validateProduceBatch(data.records, {
      apiVersion,
      maxMessageBytes: config.maxMessageBytes,
      compactedTopic: config.compacted,
      timestampType: config.timestampType,
      wallMs,
      timestampBeforeMaxMs: config.timestampBeforeMaxMs,
      timestampAfterMaxMs: config.timestampAfterMaxMs,
      // Only ever read by who wrote what is refused.
      topicPartition: config.compacted ? `${topic}-${data.index}` : "",
    })
    if (!batch.ok) {
      slot.answer = {
        ...failed(
          slot.index,
          batch.errorCode,
          batch.message,
          batch.withLogStartOffset ? partition.logStartOffset : -1,
        ),
        recordErrors: batch.recordErrors,
      }
      return
    }
    if (this.#request.transactionalId !== null || isTransactional(batch.header.attributes)) {
      slot.answer = failed(slot.index, ErrorCode.NOT_ENOUGH_REPLICAS, transactionsNotServed)
      return
    }
    this.#pending++
    const acks = this.#request.acks === -1 ? -1 : 1
    partition.append(
      { header: batch.header, records: batch.records, recordCount: batch.header.recordCount },
      { acks, wallMs },
      (reply) => {
        if (slot.answer !== undefined) return
        slot.answer = replied(slot.index, reply)
        this.#pending--
        if (this.#pending === 0 && !this.#appending) this.#context.wake()
      },
    )
  }

  outcome(expired: boolean): Outcome | undefined {
    if (!this.done && !expired) return undefined
    const hints: Array<ReturnType<typeof leaderHint>> = []
    const responses = this.#topics.map(({ name, topicId, slots }) => ({
      name,
      topicId,
      partitionResponses: slots.map((slot) => {
        const made = slot.answer ?? failed(slot.index, ErrorCode.REQUEST_TIMED_OUT)
        const currentLeader = this.#hint(slot, made)
        hints.push(currentLeader)
        return this.#context.apiVersion >= 10 ? { ...made, currentLeader } : made
      }),
    }))
    const nodeEndpoints =
      this.#context.apiVersion >= 10 ? hintEndpoints(this.#context.node, hints) : []
    return answer({ responses, nodeEndpoints } satisfies Response)
  }

  #hint(slot: Slot, made: PartitionAnswer) {
    return leaderHint(this.#context.node, slot.lookup.info, made.errorCode ?? ErrorCode.NONE)
  }
}

/** The words of Kafka where the transaction coordinator cannot be asked. */
const transactionsNotServed =
  "Unable to verify the partition has been added to the transaction. Underlying error: COORDINATOR_NOT_AVAILABLE"

function invalidAcks(request: Request): Outcome {
  const responses = request.topicData.map(({ name, topicId, partitionData }) => ({
    name,
    topicId,
    partitionResponses: partitionData.map(({ index }) =>
      failed(index, ErrorCode.INVALID_REQUIRED_ACKS),
    ),
  }))
  return answer({ responses } satisfies Response)
}

export function handleProduce(request: Request, context: RequestContext): Outcome {
  const withoutRecords = request.topicData.some((topic) =>
    topic.partitionData.some((data) => data.records === null),
  )
  // Kafka closes: a client that sends null records is broken (ProduceRequest.validateRecords).
  if (withoutRecords) return { _tag: "close", reason: "Produce without records" }
  if (request.acks < -1 || request.acks > 1) return invalidAcks(request)
  const attempt = new ProduceAttempt(request, context)
  if (request.acks === 0) {
    return attempt.failedAtOnce
      ? { _tag: "close", reason: "Produce with acks=0 failed" }
      : { _tag: "none" }
  }
  const first = attempt.outcome(false)
  if (first !== undefined) return first
  const timeoutMs = request.acks === -1 ? Math.max(0, request.timeoutMs) : leaderAckDeadlineMs
  const wait: Outcome = {
    _tag: "wait",
    keys: [],
    deadlineMs: context.nowMs + timeoutMs,
    retry: (_nowMs, expired) => attempt.outcome(expired) ?? wait,
  }
  return wait
}
