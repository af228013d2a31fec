/** Committing positions and asking for them, with each outcome in the history. */
import { ErrorCode } from "../../../protocol/error-codes.ts"
import { offsetCommit } from "../../../protocol/messages/offset-commit.ts"
import { offsetFetch } from "../../../protocol/messages/offset-fetch.ts"
import type { Told } from "../../history/history.ts"
import type { PartitionRef, Topic } from "../partition.ts"
import { isNotHere, noAnswer } from "./coordinator-link.ts"
import type { CoordinatorReply, GroupLink } from "./coordinator-link.ts"
import { errorText, toldOf } from "./group-ports.ts"
import type { GroupPorts } from "./group-ports.ts"

const timeoutMs = 8000

/** In whose name something is committed. */
export interface Membership {
  readonly member: string
  /** Or the member's epoch. */
  readonly generation: number
}

export interface Position {
  readonly ref: PartitionRef
  readonly offset: number
  /** Unlike that of any other commit: goes with it as its metadata, and comes back. */
  readonly tag: string
}

export interface Caller {
  /** In the history. */
  readonly process: string
  readonly ports: Pick<GroupPorts, "recorder" | "quirks" | "clock">
  readonly link: GroupLink
}

/** One request for all; gives the first error code that is none, `noAnswer` when nobody knows. */
export async function commitOffsets(
  { process, ports, link }: Caller,
  positions: ReadonlyArray<Position>,
  { member, generation }: Membership,
  versionMax: number,
): Promise<number> {
  const { group } = link
  const begun = positions.map((position) => {
    const { ref, offset, tag } = position
    const call = { group, partition: ref.key, offset, tag, member, generation }
    return { ...position, operation: ports.recorder.begin(process, { f: "commit", ...call }) }
  })
  const input = {
    groupId: group,
    generationIdOrMemberEpoch: generation,
    memberId: member,
    topics: byTopic(positions).map(({ topic, items }) => ({
      name: topic.name,
      topicId: topic.id,
      partitions: items.map(({ ref, offset, tag }) => ({
        partitionIndex: ref.partition,
        committedOffset: offset,
        committedLeaderEpoch: -1,
        committedMetadata: tag,
      })),
    })),
  }
  const reply = await link.ask(offsetCommit, input, { versionMax, timeoutMs })
  let first: number = ErrorCode.NONE
  for (const { ref, operation } of begun) {
    const code = codeOf(reply, ref)
    operation.end(outcomeOf(reply, code))
    if (first === ErrorCode.NONE) first = code
  }
  return first
}

function codeOf({ answer }: CoordinatorReply<typeof offsetCommit>, ref: PartitionRef): number {
  const topic = answer?.topics.find(({ name, topicId }) => isOf(ref.topic, name, topicId))
  const found = topic?.partitions.find(({ partitionIndex }) => partitionIndex === ref.partition)
  return found?.errorCode ?? noAnswer
}

const isOf = (topic: Topic, name: string, id: string): boolean =>
  name === topic.name || id === topic.id

/** Refused before anything was written: it has not been done, and never will be. */
const definite: ReadonlySet<number> = new Set<number>([
  ErrorCode.UNKNOWN_MEMBER_ID,
  ErrorCode.ILLEGAL_GENERATION,
  ErrorCode.REBALANCE_IN_PROGRESS,
  ErrorCode.FENCED_INSTANCE_ID,
  ErrorCode.FENCED_MEMBER_EPOCH,
  ErrorCode.STALE_MEMBER_EPOCH,
  ErrorCode.GROUP_ID_NOT_FOUND,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.UNKNOWN_TOPIC_ID,
  ErrorCode.OFFSET_METADATA_TOO_LARGE,
  ErrorCode.INVALID_GROUP_ID,
  ErrorCode.UNSUPPORTED_VERSION,
])

/** What is not known here to be a refusal may land at any time: NOT_COORDINATOR among them. */
export function outcomeOf(
  { node, connection, isSent }: Omit<CoordinatorReply<typeof offsetCommit>, "answer">,
  code: number,
): Told {
  if (code === noAnswer) {
    return toldOf(isSent ? "info" : "fail", node, connection, isSent ? "LOST" : "NOT_SENT")
  }
  const outcome = code === ErrorCode.NONE ? "ok" : definite.has(code) ? "fail" : "info"
  return toldOf(outcome, node, connection, errorText(code))
}

export type Committed =
  /** By `PartitionRef.key`; −1: nothing. */
  | { readonly _tag: "offsets"; readonly offsets: ReadonlyMap<string, number> }
  | { readonly _tag: "refused"; readonly code: number }

/** One request for all. `onlyAnswers`: refusals, which say nothing, are left out of the history. */
export async function fetchCommitted(
  { process, ports, link }: Caller,
  refs: ReadonlyArray<PartitionRef>,
  onlyAnswers = false,
): Promise<Committed> {
  const { group } = link
  const askedMs = ports.clock.nowMs()
  const topics = byTopic(refs.map((ref) => ({ ref }))).map(({ topic, items }) => ({
    name: topic.name,
    topicId: topic.id,
    partitionIndexes: items.map(({ ref }) => ref.partition),
  }))
  const input = { groups: [{ groupId: group, topics }], requireStable: false }
  const reply = await link.ask(offsetFetch, input, { versionMax: 10, timeoutMs })
  const { answer, node, connection } = reply
  const found = answer?.groups[0]
  const offsets = new Map<string, number>()
  let code: number = found?.errorCode ?? noAnswer
  for (const ref of refs) {
    const topic = found?.topics.find(({ name, topicId }) => isOf(ref.topic, name, topicId))
    const one = topic?.partitions.find(({ partitionIndex }) => partitionIndex === ref.partition)
    const failure = found?.errorCode !== 0 ? code : (one?.errorCode ?? noAnswer)
    const offset = one?.committedOffset ?? -1
    offsets.set(ref.key, offset)
    if (failure !== 0) code = failure
    if (failure !== 0 && onlyAnswers) continue
    const call = { f: "committed" as const, group, partition: ref.key, offset: -1, tag: "" }
    const error = failure === noAnswer ? "LOST" : errorText(failure)
    const told = toldOf(failure === 0 ? "ok" : "fail", node, connection, error)
    const operation = ports.recorder.begin(process, call, askedMs)
    operation.end(told, { f: "committed", offset, tag: one?.metadata ?? "" })
  }
  if (isNotHere(code)) link.forget()
  return code === 0 ? { _tag: "offsets", offsets } : { _tag: "refused", code }
}

function byTopic<T extends { readonly ref: PartitionRef }>(
  items: ReadonlyArray<T>,
): ReadonlyArray<{ readonly topic: Topic; readonly items: ReadonlyArray<T> }> {
  const groups = Map.groupBy(items, ({ ref }) => ref.topic)
  return [...groups].map(([topic, own]) => ({ topic, items: own }))
}
