/**
 * What members of consumer groups must do in time: be heard of (all), revoke partitions (consumer
 * protocol), join and ask for their assignment (classic protocol). Whoever does not is fenced, as
 * an operation of its group that looks again when its turn comes.
 */
import type { Step } from "../operations.ts"
import { noStep } from "../operations.ts"
import type { CoordinatorTerm } from "../term.ts"
import type { ConsumerGroup } from "./consumer-group.ts"
import type { ConsumerMember } from "./member.ts"

export type Deadline = "session" | "revocation" | "join" | "sync"

const reasons: Readonly<Record<Deadline, string>> = {
  session: "the member session expired",
  revocation: "the member did not revoke its partitions in time",
  join: "the classic member failed to join within the rebalance timeout",
  sync: "the member failed to sync within timeout",
}

export type Fence = (group: ConsumerGroup, member: ConsumerMember, nowMs: number) => Step

export class Deadlines {
  readonly #term: CoordinatorTerm
  readonly #fence: Fence

  constructor(term: CoordinatorTerm, fence: Fence) {
    this.#term = term
    this.#fence = fence
  }

  /** `isVoid` is asked when the deadline is over: has it become pointless? */
  set(
    deadline: Deadline,
    groupId: string,
    memberId: string,
    atMs: number,
    isVoid: (member: ConsumerMember) => boolean = () => false,
  ): void {
    const { groups, host, operations, timers } = this.#term
    const key = keyOf(deadline, groupId, memberId)
    const expire = (nowMs: number): Step => {
      const group = groups.get(groupId)
      if (timers.has(key) || group?._tag !== "consumer") return noStep
      const member = group.members.get(memberId)
      if (member === undefined || isVoid(member)) return noStep
      host.log("info", `group ${groupId}: member ${memberId} is fenced: ${reasons[deadline]}`)
      return this.#fence(group, member, nowMs)
    }
    timers.set(key, atMs, (nowMs) => operations.run(groupId, nowMs, expire))
  }

  setIfAbsent(deadline: Deadline, groupId: string, memberId: string, atMs: number): void {
    const isSet = this.#term.timers.has(keyOf(deadline, groupId, memberId))
    if (!isSet) this.set(deadline, groupId, memberId, atMs)
  }

  /** The member must have left its epoch by then. */
  setRevocation(groupId: string, member: ConsumerMember, nowMs: number): void {
    const { memberEpoch, memberId, rebalanceTimeoutMs } = member
    const hasMoved = (now: ConsumerMember) => now.memberEpoch !== memberEpoch
    this.set("revocation", groupId, memberId, nowMs + rebalanceTimeoutMs, hasMoved)
  }

  cancel(deadline: Deadline, groupId: string, memberId: string): void {
    this.#term.timers.cancel(keyOf(deadline, groupId, memberId))
  }

  cancelAll(groupId: string, memberId: string): void {
    for (const deadline of ["session", "revocation", "join", "sync"] as const) {
      this.cancel(deadline, groupId, memberId)
    }
  }
}

const keyOf = (deadline: Deadline, groupId: string, memberId: string): string =>
  `consumer ${deadline}\0${groupId}\0${memberId}`
