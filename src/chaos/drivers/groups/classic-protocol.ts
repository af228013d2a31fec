/**
 * A life in the classic protocol: joins, takes what the leader gives it (or is the leader), reads
 * and commits until the group moves on.
 */
import { decodeAssignment, decodeSubscription } from "../../../client/consumer-protocol.ts"
import { encodeAssignment, encodeSubscription } from "../../../client/consumer-protocol.ts"
import { range } from "../../../client/assignors.ts"
import { ErrorCode } from "../../../protocol/error-codes.ts"
import { heartbeat } from "../../../protocol/messages/heartbeat.ts"
import { joinGroup } from "../../../protocol/messages/join-group.ts"
import { leaveGroup } from "../../../protocol/messages/leave-group.ts"
import { syncGroup } from "../../../protocol/messages/sync-group.ts"
import type { ResponseOf } from "../../../protocol/schema.ts"
import type { AssignCall, JoinCall } from "../../history/history.ts"
import { isNotHere, noAnswer } from "./coordinator-link.ts"
import type { CoordinatorReply } from "./coordinator-link.ts"
import { errorText, toldOf } from "./group-ports.ts"
import type { Assigned } from "./group-reader.ts"
import type { GroupProtocol, Life } from "./raw-member.ts"
import { heardOf, release, work } from "./work.ts"

const requestTimeoutMs = 5000
const protocolType = "consumer"

type Joined = ResponseOf<typeof joinGroup>

export const classicProtocol: GroupProtocol = { commitVersionMax: 10, live, leave }

async function live(life: Life): Promise<void> {
  let before: Assigned | undefined
  while (!life.isOver) {
    const assigned = await enter(life)
    if (assigned === undefined) {
      await life.rest(50 + life.chance.below(150))
      continue
    }
    const code = await work(
      life,
      () => assigned,
      () => beat(life),
      before,
    )
    before = assigned
    release(life, assigned)
    if (!life.isOver) refused(life, code)
  }
}

async function beat(life: Life): Promise<number> {
  const askedMs = life.ports.clock.nowMs()
  const options = { versionMax: 4, timeoutMs: requestTimeoutMs }
  const reply = await life.coordinator.ask(heartbeat, membershipOf(life), options)
  const code = reply.answer?.errorCode ?? noAnswer
  if (code === ErrorCode.NONE) heardOf(life, reply, askedMs)
  return code
}

const membershipOf = ({ shape, generation, memberId }: Life) => ({
  groupId: shape.group,
  generationId: generation,
  memberId,
})

/** Undefined: refused, or not heard; to be tried again. */
async function enter(life: Life): Promise<Assigned | undefined> {
  const joined = await join(life)
  return joined === undefined || life.isOver ? undefined : sync(life, joined)
}

function refused(life: Life, code: number): undefined {
  if (isNotHere(code)) life.coordinator.forget()
  if (code === ErrorCode.UNKNOWN_MEMBER_ID || code === ErrorCode.FENCED_INSTANCE_ID) {
    life.memberId = ""
  }
  life.generation = -1
  return undefined
}

const outcomeOf = (code: number) =>
  code === ErrorCode.NONE ? ("ok" as const) : code === noAnswer ? ("info" as const) : "fail"

const told = ({ node, connection }: Pick<CoordinatorReply<never>, "node" | "connection">) => ({
  of: (code: number) =>
    toldOf(outcomeOf(code), node, connection, code === noAnswer ? "LOST" : errorText(code)),
})

async function join(life: Life): Promise<Joined | undefined> {
  const { shape, ports, process, memberId } = life
  const { group: groupId, sessionTimeoutMs, rebalanceTimeoutMs } = shape
  const topics = shape.topics.map(({ name }) => name)
  const metadata = encodeSubscription({ topics, ownedPartitions: [], generationId: -1 })
  const protocols = [{ name: range.name, metadata }]
  const call: JoinCall = { f: "join", group: groupId, member: memberId, generation: -1 }
  const operation = ports.recorder.begin(process, call)
  const timeouts = { sessionTimeoutMs, rebalanceTimeoutMs }
  const input = { groupId, ...timeouts, memberId, protocolType, protocols }
  const timeoutMs = rebalanceTimeoutMs + requestTimeoutMs
  const reply = await life.coordinator.ask(joinGroup, input, { versionMax: 9, timeoutMs })
  const { answer } = reply
  const code = answer?.errorCode ?? noAnswer
  const isIn = answer !== undefined && code === ErrorCode.NONE
  const result = isIn ? { member: answer.memberId, generation: answer.generationId } : {}
  operation.end(told(reply).of(code), { f: "join", ...result })
  await life.gate.opened()
  if (isIn) {
    life.memberId = answer.memberId
    return answer
  }
  if (code !== ErrorCode.MEMBER_ID_REQUIRED || life.isOver) return refused(life, code)
  life.memberId = answer?.memberId ?? ""
  return join(life)
}

async function sync(life: Life, joined: Joined): Promise<Assigned | undefined> {
  const { shape, ports, process } = life
  const { generationId: generation, memberId } = joined
  const { group } = shape
  const call: AssignCall = {
    f: "assign",
    protocol: "classic",
    group,
    member: memberId,
    generation,
    partitions: [],
    timeoutMs: Math.min(shape.sessionTimeoutMs, shape.rebalanceTimeoutMs),
  }
  const operation = ports.recorder.begin(process, call)
  const assignments = joined.leader === memberId ? shareOut(life, joined) : []
  const named = { protocolType, protocolName: range.name, assignments }
  const input = { groupId: group, generationId: generation, memberId, ...named }
  const timeoutMs = shape.rebalanceTimeoutMs + requestTimeoutMs
  const reply = await life.coordinator.ask(syncGroup, input, { versionMax: 5, timeoutMs })
  const code = reply.answer?.errorCode ?? noAnswer
  const mine = code === 0 ? decodeAssignment(reply.answer?.assignment ?? new Uint8Array(0)) : []
  const refs = mine.flatMap(({ topic, partition }) => life.refOf(topic, partition) ?? [])
  operation.end(told(reply).of(code), { f: "assign", partitions: refs.map(({ key }) => key) })
  await life.gate.opened()
  if (code !== ErrorCode.NONE) return refused(life, code)
  life.generation = generation
  return { refs, as: { member: memberId, generation } }
}

/** By the leader, for all. */
function shareOut({ shape }: Life, { members }: Joined) {
  const asked = members.map(({ memberId, groupInstanceId, metadata }) => {
    const { topics, ownedPartitions: owned, generationId } = decodeSubscription(metadata)
    return { memberId, groupInstanceId, topics, owned, generationId }
  })
  const counts = new Map(shape.topics.map(({ name, partitions }) => [name, partitions]))
  return [...range.assign(asked, counts)].map(([memberId, partitions]) => ({
    memberId,
    assignment: encodeAssignment(partitions),
  }))
}

/** What it owned it has given up by now: `live` has ended. */
async function leave({ coordinator, shape, memberId }: Life): Promise<void> {
  if (memberId === "") return
  const input = { groupId: shape.group, members: [{ memberId }] }
  await coordinator.ask(leaveGroup, input, { versionMax: 4, timeoutMs: requestTimeoutMs })
}
