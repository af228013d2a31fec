/**
 * ListOffsets: positions by name (−1 latest, −2 earliest, …) or by time. Answered by leaders only,
 * and only after a ReadIndex round begun after the request was read: a deposed leader must not tell
 * an old end (hazard 11).
 */
import type { Partition } from "../../partition/partition.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { listOffsets } from "../../protocol/messages/list-offsets.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import type { Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"
import { checkLeaderEpoch, findPartition } from "./partition-lookup.ts"

type Request = RequestOf<typeof listOffsets>
type Asked = Request["topics"][number]["partitions"][number]
type Response = ResponseInput<typeof listOffsets>
type PartitionAnswer = NonNullable<NonNullable<Response["topics"]>[number]["partitions"]>[number]

const latest = -1
const earliest = -2
const maxTimestamp = -3
const earliestLocal = -4
const latestTiered = -5
const earliestPendingUpload = -6
/** Version since which each special timestamp is understood. */
const knownSince = new Map([
  [latest, 1],
  [earliest, 1],
  [maxTimestamp, 7],
  [earliestLocal, 8],
  [latestTiered, 9],
  [earliestPendingUpload, 11],
])
/** From here on the epoch of the record found is told. */
const leaderEpochVersion = 4
/** Versions below 10 name no timeout. */
const defaultTimeoutMs = 5000

interface Slot {
  readonly asked: Asked
  answer: PartitionAnswer | undefined
}

function failed(asked: Asked, errorCode: number): PartitionAnswer {
  return found(asked, -1, -1, -1, errorCode)
}

function found(
  asked: Asked,
  offset: number,
  timestamp: number,
  leaderEpoch: number,
  errorCode: number = ErrorCode.NONE,
): PartitionAnswer {
  return { partitionIndex: asked.partitionIndex, errorCode, timestamp, offset, leaderEpoch }
}

class ListOffsetsAttempt {
  readonly #context: RequestContext
  readonly #topics: ReadonlyArray<{ readonly name: string; readonly slots: ReadonlyArray<Slot> }>
  #pending = 0
  #asking = true

  constructor(request: Request, context: RequestContext) {
    this.#context = context
    this.#topics = request.topics.map(({ name, partitions }) => {
      const counts = new Map<number, number>()
      for (const { partitionIndex } of partitions) {
        counts.set(partitionIndex, (counts.get(partitionIndex) ?? 0) + 1)
      }
      // As in Kafka, one that is asked for twice is answered once, and refused.
      const once = [...new Map(partitions.map((asked) => [asked.partitionIndex, asked])).values()]
      const slots = once.map((asked) =>
        counts.get(asked.partitionIndex) === 1
          ? this.#ask(name, asked)
          : { asked, answer: failed(asked, ErrorCode.INVALID_REQUEST) },
      )
      return { name, slots }
    })
    this.#asking = false
  }

  #ask(name: string, asked: Asked): Slot {
    const { node, apiVersion } = this.#context
    const slot: Slot = { asked, answer: undefined }
    const since = asked.timestamp >= 0 ? 1 : knownSince.get(asked.timestamp)
    if (since === undefined || apiVersion < since) {
      slot.answer = failed(asked, ErrorCode.UNSUPPORTED_VERSION)
      return slot
    }
    const lookup = findPartition(node, node.image.topics.get(name), asked.partitionIndex, false)
    if (lookup._tag === "missing") slot.answer = failed(asked, lookup.errorCode)
    else {
      const epochError = checkLeaderEpoch(lookup.partition, asked.currentLeaderEpoch)
      if (epochError !== ErrorCode.NONE) slot.answer = failed(asked, epochError)
      else if (!lookup.partition.isLeader) {
        slot.answer = failed(asked, ErrorCode.NOT_LEADER_OR_FOLLOWER)
      } else this.#confirm(slot, lookup.partition)
    }
    return slot
  }

  #confirm(slot: Slot, partition: Partition): void {
    if (!partition.readyToServe) {
      slot.answer = failed(slot.asked, this.#notYet())
      return
    }
    this.#pending++
    partition.raftGroup.readIndex((outcome) => {
      if (slot.answer !== undefined) return
      slot.answer =
        outcome === "ready"
          ? this.#look(partition, slot.asked)
          : failed(slot.asked, ErrorCode.NOT_LEADER_OR_FOLLOWER)
      this.#pending--
      if (this.#pending === 0 && !this.#asking) this.#context.wake()
    })
  }

  /**
   * Trap 21: until this term's no-op is committed the end is not known; never a lower one than
   * before.
   */
  #notYet(): number {
    return this.#context.apiVersion >= 5
      ? ErrorCode.OFFSET_NOT_AVAILABLE
      : ErrorCode.LEADER_NOT_AVAILABLE
  }

  #look(partition: Partition, asked: Asked): PartitionAnswer {
    switch (asked.timestamp) {
      case latest:
        return found(asked, this.#end(partition), -1, partition.leaderEpoch)
      case earliest:
      case earliestLocal: {
        const offset = partition.logStartOffset
        return found(asked, offset, -1, partition.epochOfOffset(offset))
      }
      case latestTiered:
      case earliestPendingUpload:
        return found(asked, -1, -1, -1)
      default: {
        const hit =
          asked.timestamp === maxTimestamp
            ? partition.offsetOfMaxTimestamp()
            : partition.offsetForTimestamp(asked.timestamp)
        if (hit === undefined || hit.offset >= this.#end(partition)) return found(asked, -1, -1, -1)
        return found(asked, hit.offset, hit.timestamp, hit.leaderEpoch)
      }
    }
  }

  /**
   * Without transactions the last stable offset is the high watermark, whatever the isolation
   * level.
   */
  #end(partition: Partition): number {
    return partition.lastStableOffset
  }

  outcome(expired: boolean): Outcome | undefined {
    if (this.#pending > 0 && !expired) return undefined
    const { apiVersion } = this.#context
    const told = this.#topics.filter(({ slots }) => slots.length > 0)
    const topics = told.map(({ name, slots }) => ({
      name,
      partitions: slots.map((slot) => {
        const made = slot.answer ?? failed(slot.asked, ErrorCode.REQUEST_TIMED_OUT)
        return apiVersion >= leaderEpochVersion ? made : { ...made, leaderEpoch: undefined }
      }),
    }))
    return answer({ topics } satisfies Response)
  }
}

export function handleListOffsets(request: Request, context: RequestContext): Outcome {
  const attempt = new ListOffsetsAttempt(request, context)
  const first = attempt.outcome(false)
  if (first !== undefined) return first
  const timeoutMs = context.apiVersion >= 10 ? request.timeoutMs : defaultTimeoutMs
  const wait: Outcome = {
    _tag: "wait",
    keys: [],
    deadlineMs: context.nowMs + Math.max(1, timeoutMs),
    retry: (_nowMs, expired) => attempt.outcome(expired) ?? wait,
  }
  return wait
}
