/**
 * A life in the new protocol (KIP-848): one heartbeat says who it is and what it owns, the answer
 * what it is to own.
 */
import { ErrorCode } from "../../../protocol/error-codes.ts"
import { consumerGroupHeartbeat } from "../../../protocol/messages/consumer-group-heartbeat.ts"
import type { PartitionRef } from "../partition.ts"
import { isNotHere, noAnswer } from "./coordinator-link.ts"
import type { Assigned } from "./group-reader.ts"
import { toldOf } from "./group-ports.ts"
import type { GroupProtocol, Life } from "./raw-member.ts"
import { heardOf, moved, release, work } from "./work.ts"

const requestTimeoutMs = 5000
const leaving = -1
const options = { versionMax: 1, timeoutMs: requestTimeoutMs }

/** `life.generation` is the member's epoch; 0: it is to join. */
interface Owned {
  refs: ReadonlyArray<PartitionRef>
  next: ReadonlyArray<PartitionRef> | undefined
  /**
   * The last beat was not answered: what it would have said is only said again when all is asked.
   */
  isUnsure: boolean
}

export const consumerProtocol: GroupProtocol = { commitVersionMax: 10, live, leave }

async function live(life: Life): Promise<void> {
  life.memberId = life.process
  const owned: Owned = { refs: [], next: undefined, isUnsure: false }
  let before: Assigned | undefined
  abandon(life, owned)
  while (!life.isOver) {
    const code = life.generation === 0 ? await beat(life, owned) : ErrorCode.NONE
    if (code !== ErrorCode.NONE && code !== moved) {
      await refused(life, owned, code)
      continue
    }
    owned.refs = owned.next ?? owned.refs
    owned.next = undefined
    const { refs } = owned
    const now = () => ({ refs, as: { member: life.memberId, generation: life.generation } })
    const ended = await work(life, now, () => beat(life, owned), before)
    before = now()
    if (owned.next === undefined) release(life, before)
    if (ended !== ErrorCode.NONE && ended !== moved) await refused(life, owned, ended)
  }
}

function abandon(life: Life, owned: Owned): void {
  life.generation = 0
  owned.refs = []
  owned.next = undefined
}

async function refused(life: Life, owned: Owned, code: number): Promise<void> {
  if (isNotHere(code)) life.coordinator.forget()
  // An epoch that is too old is renewed by the next beat.
  else if (code !== ErrorCode.STALE_MEMBER_EPOCH) abandon(life, owned)
  await life.rest(50 + life.chance.below(150))
}

/** Gives `moved` when the member is to own something else. */
async function beat(life: Life, owned: Owned): Promise<number> {
  const { shape, memberId, generation } = life
  const joins = generation === 0
  const isFull = joins || owned.isUnsure
  owned.isUnsure = true
  const input = {
    groupId: shape.group,
    memberId,
    memberEpoch: generation,
    rebalanceTimeoutMs: isFull ? shape.rebalanceTimeoutMs : -1,
    subscribedTopicNames: isFull ? shape.topics.map(({ name }) => name) : null,
    topicPartitions: joins ? [] : byTopicId(owned.refs),
  }
  const askedMs = life.ports.clock.nowMs()
  const reply = await life.coordinator.ask(consumerGroupHeartbeat, input, options)
  const { answer, node, connection } = reply
  const code = answer?.errorCode ?? noAnswer
  if (answer === undefined || code !== ErrorCode.NONE) return code
  owned.isUnsure = false
  life.generation = answer.memberEpoch
  if (answer.assignment === null) {
    heardOf(life, reply, askedMs)
    return code
  }
  const refs = answer.assignment.topicPartitions.flatMap(({ topicId, partitions }) =>
    partitions.flatMap((partition) => life.refOf(topicId, partition) ?? []),
  )
  record(life, refs, { node, connection })
  const keys = new Set(owned.refs.map(({ key }) => key))
  if (refs.length === keys.size && refs.every(({ key }) => keys.has(key))) return code
  owned.next = refs
  return moved
}

/** What it is to own, where an answer says so: all heartbeats would be most of the history. */
function record(
  { ports, process, shape, memberId, generation }: Life,
  refs: ReadonlyArray<PartitionRef>,
  { node, connection }: { readonly node: number; readonly connection: number },
): void {
  const operation = ports.recorder.begin(process, {
    f: "assign",
    protocol: "consumer",
    group: shape.group,
    member: memberId,
    generation,
    partitions: refs.map(({ key }) => key),
  })
  operation.end(toldOf("ok", node, connection))
}

const byTopicId = (refs: ReadonlyArray<PartitionRef>) =>
  [...Map.groupBy(refs, ({ topic }) => topic.id)].map(([topicId, own]) => ({
    topicId,
    partitions: own.map(({ partition }) => partition),
  }))

async function leave({ coordinator, shape, memberId, generation }: Life): Promise<void> {
  if (generation <= 0) return
  const input = { groupId: shape.group, memberId, memberEpoch: leaving }
  await coordinator.ask(consumerGroupHeartbeat, input, options)
}
