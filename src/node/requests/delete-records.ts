/**
 * DeleteRecords: the start of logs moves forward, by an entry in each log. The answer comes when
 * that is committed, so it holds whoever leads next; replicas that are behind follow it when they
 * come to it, whatever they were told before.
 */
import type { Partition } from "../../partition/partition.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { deleteRecords } from "../../protocol/messages/delete-records.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import type { Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"
import { findPartition } from "./partition-lookup.ts"

type Request = RequestOf<typeof deleteRecords>
type Asked = Request["topics"][number]["partitions"][number]
type Response = ResponseInput<typeof deleteRecords>

/** In place of an offset: the high watermark. */
const highWatermark = -1

interface Slot {
  readonly asked: Asked
  readonly partition: Partition | undefined
  /** Undefined while it is decided. */
  errorCode: number | undefined
}

class DeleteRecordsAttempt {
  readonly #context: RequestContext
  readonly #topics: ReadonlyArray<{ readonly name: string; readonly slots: ReadonlyArray<Slot> }>
  #pending = 0
  #asking = true

  constructor(request: Request, context: RequestContext) {
    this.#context = context
    this.#topics = request.topics.map(({ name, partitions }) => ({
      name,
      slots: partitions.map((asked) => this.#ask(name, asked)),
    }))
    this.#asking = false
  }

  #ask(name: string, asked: Asked): Slot {
    const { node } = this.#context
    const topic = node.image.topics.get(name)
    const lookup = findPartition(node, topic, asked.partitionIndex, false)
    const partition = lookup._tag === "found" ? lookup.partition : undefined
    const slot: Slot = { asked, partition, errorCode: undefined }
    if (topic?.internal === true) slot.errorCode = ErrorCode.INVALID_TOPIC_EXCEPTION
    else if (lookup._tag === "missing") slot.errorCode = lookup.errorCode
    else if (!lookup.partition.isLeader) slot.errorCode = ErrorCode.NOT_LEADER_OR_FOLLOWER
    else if (!lookup.partition.config.cleanupDelete) slot.errorCode = ErrorCode.POLICY_VIOLATION
    else if (asked.offset < highWatermark) slot.errorCode = ErrorCode.OFFSET_OUT_OF_RANGE
    else if (this.#isCertain(asked, lookup.partition)) this.#propose(slot, lookup.partition)
    else this.#confirm(slot, lookup.partition)
    return slot
  }

  #isCertain({ offset }: Asked, partition: Partition): boolean {
    return partition.readyToServe && offset <= partition.highWatermark
  }

  /** Who was deposed and does not know it would refuse what the new leader has. */
  #confirm(slot: Slot, partition: Partition): void {
    this.#pending++
    partition.raftGroup.readIndex((outcome) => {
      this.#pending--
      if (outcome !== "ready") this.#settle(slot, ErrorCode.NOT_LEADER_OR_FOLLOWER)
      else if (slot.asked.offset <= partition.highWatermark) this.#propose(slot, partition)
      else this.#settle(slot, ErrorCode.OFFSET_OUT_OF_RANGE)
    })
  }

  #propose(slot: Slot, partition: Partition): void {
    const { offset } = slot.asked
    const target = offset === highWatermark ? partition.highWatermark : offset
    if (target <= partition.logStartOffset) return this.#settle(slot, ErrorCode.NONE)
    this.#pending++
    const entry = { _tag: "LogStartMoved", offset: target, why: "deleteRecords" } as const
    const isProposed = partition.proposeControl(entry, this.#context.node.wallMs(), ({ _tag }) => {
      this.#pending--
      // Whoever asks the next leader gets the same done, if it was not.
      this.#settle(slot, _tag === "committed" ? ErrorCode.NONE : ErrorCode.NOT_LEADER_OR_FOLLOWER)
    })
    if (isProposed) return
    this.#pending--
    this.#settle(slot, ErrorCode.NOT_LEADER_OR_FOLLOWER)
  }

  #settle(slot: Slot, errorCode: number): void {
    slot.errorCode = errorCode
    if (this.#pending === 0 && !this.#asking) this.#context.wake()
  }

  outcome(expired: boolean): Outcome | undefined {
    if (this.#pending > 0 && !expired) return undefined
    // As in Kafka, topics of which nothing was asked are not answered.
    const named = this.#topics.filter(({ slots }) => slots.length > 0)
    const topics = named.map(({ name, slots }) => ({
      name,
      partitions: slots.map(({ asked, partition, errorCode }) => ({
        partitionIndex: asked.partitionIndex,
        lowWatermark: lowWatermark(errorCode, partition),
        errorCode: errorCode ?? ErrorCode.REQUEST_TIMED_OUT,
      })),
    }))
    return answer({ topics } satisfies Response)
  }
}

/** Also told while the deletion is under way. */
function lowWatermark(errorCode: number | undefined, partition: Partition | undefined): number {
  const isKnown = errorCode === undefined || errorCode === ErrorCode.NONE
  return isKnown ? (partition?.logStartOffset ?? -1) : -1
}

export function handleDeleteRecords(request: Request, context: RequestContext): Outcome {
  const attempt = new DeleteRecordsAttempt(request, context)
  const first = attempt.outcome(false)
  if (first !== undefined) return first
  const wait: Outcome = {
    _tag: "wait",
    keys: [],
    deadlineMs: context.nowMs + Math.max(0, request.timeoutMs),
    retry: (_nowMs, expired) => attempt.outcome(expired) ?? wait,
  }
  return wait
}
