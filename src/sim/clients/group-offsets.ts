/** Committing positions and asking for them, with each outcome in the history. */
import { ErrorCode, errorName } from "../../protocol/error-codes.ts"
import { offsetCommit } from "../../protocol/messages/offset-commit.ts"
import { offsetFetch } from "../../protocol/messages/offset-fetch.ts"
import { partitionKey } from "../../chaos/history/history.ts"
import type { Told } from "../../chaos/history/history.ts"
import type { Client } from "./client.ts"
import { isNotHere } from "./group-link.ts"
import type { GroupLink, GroupReply } from "./group-link.ts"
import type { PartitionRef } from "./topic-table.ts"

const timeoutMs = 8000

export interface CommitAs {
  readonly member: string
  readonly generation: number
  /** Unlike that of any other commit: goes with it as its metadata, and comes back. */
  readonly tag: string
  /** Of OffsetCommit. */
  readonly version: number
}

const keyOf = ({ topic, partition }: PartitionRef): string =>
  partitionKey(topic.name, topic.id, partition)

/** `done` hears the error code; −1 when nobody knows. */
export function commitOffset(
  client: Client,
  link: GroupLink,
  ref: PartitionRef,
  offset: number,
  as: CommitAs,
  done: (code: number) => void,
): void {
  const { history } = client.ports
  const { topic, partition: partitionIndex } = ref
  const { member, generation, tag, version } = as
  const call = { group: link.group, partition: keyOf(ref), offset, tag, member, generation }
  const id = history.invoke(client.name, { f: "commit", ...call })
  const committed = {
    partitionIndex,
    committedOffset: offset,
    committedLeaderEpoch: -1,
    committedMetadata: tag,
  }
  const input = {
    groupId: link.group,
    generationIdOrMemberEpoch: generation,
    memberId: member,
    topics: [{ name: topic.name, topicId: topic.id, partitions: [committed] }],
  }
  link.ask(offsetCommit, version, input, timeoutMs, (reply) => {
    const code = reply.answer?.topics[0]?.partitions[0]?.errorCode ?? -1
    history.complete(id, toldOf(reply, code))
    done(code)
  })
}

/** What says that it was not done, and never will be. */
function toldOf(reply: GroupReply<typeof offsetCommit>, code: number): Told {
  const { node, connection, sent } = reply
  const isUnknown = sent && (code === -1 || (isNotHere(code) && code !== loadInProgress))
  const outcome = code === ErrorCode.NONE ? "ok" : isUnknown ? "info" : "fail"
  const error = code === -1 ? "LOST" : code === ErrorCode.NONE ? "" : errorName(code)
  return { outcome, node, connection, attempts: 1, error }
}

const loadInProgress = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS

/** `done` hears the offsets by partition, −1 for none; or undefined with the error code. */
export function fetchCommitted(
  client: Client,
  link: GroupLink,
  refs: ReadonlyArray<PartitionRef>,
  done: (offsets: ReadonlyMap<PartitionRef, number> | undefined, code: number) => void,
): void {
  const { history } = client.ports
  const [first] = refs
  if (first === undefined) return client.after(0, () => done(new Map(), 0))
  const { topic } = first
  const asked = refs.map((ref) => {
    const call = { group: link.group, partition: keyOf(ref), offset: -1, tag: "" }
    return { ref, id: history.invoke(client.name, { f: "committed", ...call }) }
  })
  const version = client.pick([7, 8, 9, 10])
  const partitionIndexes = refs.map(({ partition }) => partition)
  const topics = [{ name: topic.name, topicId: topic.id, partitionIndexes }]
  const { group: groupId } = link
  const input =
    version >= 8 ? { groups: [{ groupId, topics }] } : { groupId, topics: topics.map(byName) }
  link.ask(offsetFetch, version, input, timeoutMs, ({ answer, node, connection }) => {
    const group = answer === undefined || version < 8 ? answer : answer.groups[0]
    const offsets = new Map<PartitionRef, number>()
    let code: number = group?.errorCode ?? -1
    for (const { ref, id } of asked) {
      const found = group?.topics[0]?.partitions.find(
        ({ partitionIndex }) => partitionIndex === ref.partition,
      )
      const failure = code !== 0 ? code : (found?.errorCode ?? -1)
      const error = failure === -1 ? "LOST" : failure === 0 ? "" : errorName(failure)
      const outcome = failure === 0 ? ("ok" as const) : ("fail" as const)
      const told = { outcome, node, connection, attempts: 1, error }
      const offset = found?.committedOffset ?? -1
      history.complete(id, told, { f: "committed", offset, tag: found?.metadata ?? "" })
      if (failure !== 0) code = failure
      offsets.set(ref, offset)
    }
    done(code === 0 ? offsets : undefined, code)
  })
}

const byName = ({ name, partitionIndexes }: { name: string; partitionIndexes: Array<number> }) => ({
  name,
  partitionIndexes,
})
