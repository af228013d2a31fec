/**
 * OffsetForLeaderEpoch (KIP-101, KIP-320): where an epoch ends, so that a client can see whether
 * its log was cut.
 */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { offsetForLeaderEpoch } from "../../protocol/messages/offset-for-leader-epoch.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { LeadershipCheck, leadershipCheckMs } from "./leadership-check.ts"
import type { Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"
import { checkLeaderEpoch, findPartition } from "./partition-lookup.ts"

type Request = RequestOf<typeof offsetForLeaderEpoch>
type Asked = Request["topics"][number]["partitions"][number]

class EpochEnds {
  readonly #request: Request
  readonly #context: RequestContext
  readonly #check: LeadershipCheck

  constructor(request: Request, context: RequestContext) {
    this.#request = request
    this.#context = context
    const leaders = request.topics.flatMap(({ topic, partitions }) =>
      partitions.flatMap((asked) => {
        const lookup = this.#find(topic, asked)
        return lookup._tag === "found" && lookup.partition.isLeader ? [lookup.partition] : []
      }),
    )
    this.#check = new LeadershipCheck(leaders, () => context.wake())
  }

  get done(): boolean {
    return this.#check.done
  }

  answer(): Outcome {
    const response: ResponseInput<typeof offsetForLeaderEpoch> = {
      topics: this.#request.topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map((asked) => this.#endOf(topic, asked)),
      })),
    }
    return answer(response)
  }

  #find(topic: string, asked: Asked) {
    const { node } = this.#context
    return findPartition(node, node.image.topics.get(topic), asked.partition, false)
  }

  #endOf(topic: string, asked: Asked) {
    const failed = (errorCode: number) => ({
      partition: asked.partition,
      errorCode,
      leaderEpoch: -1,
      endOffset: -1,
    })
    const lookup = this.#find(topic, asked)
    if (lookup._tag === "missing") return failed(lookup.errorCode)
    const { partition } = lookup
    const epochError = checkLeaderEpoch(partition, asked.currentLeaderEpoch)
    if (epochError !== ErrorCode.NONE) return failed(epochError)
    if (!partition.isLeader) return failed(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    // The committed end is not known before this term's no-op: a lower one would read as a
    // truncation (trap 45).
    if (!partition.readyToServe) return failed(ErrorCode.OFFSET_NOT_AVAILABLE)
    if (!this.#check.confirmed(partition)) return failed(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    const { leaderEpoch, endOffset } = partition.endOffsetForEpoch(asked.leaderEpoch)
    return { partition: asked.partition, errorCode: ErrorCode.NONE, leaderEpoch, endOffset }
  }
}

export function handleOffsetForLeaderEpoch(request: Request, context: RequestContext): Outcome {
  const ends = new EpochEnds(request, context)
  if (ends.done) return ends.answer()
  const wait: Outcome = {
    _tag: "wait",
    keys: [],
    deadlineMs: context.nowMs + leadershipCheckMs,
    retry: (_nowMs, expired) => (ends.done || expired ? ends.answer() : wait),
  }
  return wait
}
