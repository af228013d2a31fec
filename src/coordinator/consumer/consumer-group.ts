/**
 * A group of the consumer protocol (KIP-848) as its committed records make it, and nothing else: no
 * timers, no decisions. Only `apply-record.ts` changes it; decisions read it and give records.
 *
 * Epochs, each a step behind the one before: the group's moves when members or topics change, the
 * target assignment's when it was computed for that, each member's when it has been reconciled.
 */
import type { Uuid } from "../../protocol/schema.ts"
import type { TopicPartitions } from "../assignors/assignor.ts"
import type { CoordinatorRecord } from "../ports.ts"
import { isReconciledTo, regexOf } from "./member.ts"
import type { ConsumerMember } from "./member.ts"
import { PartitionEpochs } from "./partition-epochs.ts"
import * as recordOf from "./group-records.ts"

export interface ResolvedRegex {
  /** Sorted. */
  readonly topics: ReadonlyArray<string>
  /** Of the metadata image that it was matched against. */
  readonly version: number
  readonly timestampMs: number
}

/** As Kafka says them. */
export type ConsumerGroupState = "Empty" | "Assigning" | "Reconciling" | "Stable"

const noPartitions: TopicPartitions = new Map()

export class ConsumerGroup {
  readonly _tag = "consumer"
  readonly groupId: string
  groupEpoch = 1
  metadataHash = 0
  assignmentEpoch = 1
  /** When the target was computed, in ms; 0: never. */
  assignmentTimestampMs = 0
  /** An older version's record of the topics is there, to be deleted with the next change. */
  hasPartitionMetadata = false
  readonly targets = new Map<string, TopicPartitions>()
  readonly resolvedRegexes = new Map<string, ResolvedRegex>()
  readonly #members = new Map<string, ConsumerMember>()
  readonly #staticMembers = new Map<string, string>()
  readonly #partitionEpochs = new PartitionEpochs()
  readonly #regexCounts = new Map<string, number>()

  constructor(groupId: string) {
    this.groupId = groupId
  }

  get members(): ReadonlyMap<string, ConsumerMember> {
    return this.#members
  }

  /** Regular expressions with the number of members that subscribe by them. */
  get regexCounts(): ReadonlyMap<string, number> {
    return this.#regexCounts
  }

  get isEmpty(): boolean {
    return this.#members.size === 0
  }

  get state(): ConsumerGroupState {
    if (this.isEmpty) return "Empty"
    if (this.groupEpoch > this.assignmentEpoch) return "Assigning"
    for (const member of this.#members.values()) {
      if (!isReconciledTo(member, this.assignmentEpoch)) return "Reconciling"
    }
    return "Stable"
  }

  setMember(member: ConsumerMember): void {
    const before = this.#members.get(member.memberId)
    this.#members.set(member.memberId, member)
    this.#partitionEpochs.replace(before, member)
    this.#countRegex(before, -1)
    this.#countRegex(member, 1)
    if (member.instanceId !== null) this.#staticMembers.set(member.instanceId, member.memberId)
  }

  removeMember(memberId: string): void {
    const before = this.#members.get(memberId)
    if (before === undefined) return
    this.#members.delete(memberId)
    this.#partitionEpochs.replace(before, undefined)
    this.#countRegex(before, -1)
    const { instanceId } = before
    if (instanceId !== null && this.#staticMembers.get(instanceId) === memberId) {
      this.#staticMembers.delete(instanceId)
    }
  }

  #countRegex(member: ConsumerMember | undefined, by: 1 | -1): void {
    const regex = member === undefined ? undefined : regexOf(member)
    if (regex === undefined) return
    const count = (this.#regexCounts.get(regex) ?? 0) + by
    if (count > 0) this.#regexCounts.set(regex, count)
    else this.#regexCounts.delete(regex)
  }

  staticMember(instanceId: string | null): ConsumerMember | undefined {
    if (instanceId === null) return undefined
    return this.#members.get(this.#staticMembers.get(instanceId) ?? "")
  }

  isOwned(topicId: Uuid, partition: number): boolean {
    return this.#partitionEpochs.isOwned(topicId, partition)
  }

  /** Of a static member: what whoever had the instance id before has. */
  target(memberId: string, instanceId: string | null): TopicPartitions {
    if (instanceId === null) return this.targets.get(memberId) ?? noPartitions
    const owner = this.#staticMembers.get(instanceId)
    return (owner === undefined ? undefined : this.targets.get(owner)) ?? noPartitions
  }

  /** All of it as records, in an order that depends on nothing but the state. */
  records(): ReadonlyArray<CoordinatorRecord> {
    const { groupId } = this
    const members = [...this.#members.values()].sort(byText(({ memberId }) => memberId))
    const targets = [...this.targets].sort(byText(([memberId]) => memberId))
    const regexes = [...this.resolvedRegexes].sort(byText(([regex]) => regex))
    return [
      ...members.map((member) => recordOf.memberMetadata(groupId, member)),
      recordOf.groupMetadata(groupId, this.groupEpoch, this.metadataHash),
      ...(this.hasPartitionMetadata ? [recordOf.emptyPartitionMetadata(groupId)] : []),
      ...targets.map(([memberId, target]) => recordOf.targetMember(groupId, memberId, target)),
      recordOf.targetMetadata(groupId, this.assignmentEpoch, this.assignmentTimestampMs),
      ...members.map((member) => recordOf.currentAssignment(groupId, member)),
      ...regexes.map(([regex, resolved]) => recordOf.regularExpression(groupId, regex, resolved)),
    ]
  }
}

const byText =
  <T>(textOf: (item: T) => string) =>
  (a: T, b: T): number => {
    const [x, y] = [textOf(a), textOf(b)]
    return x < y ? -1 : x > y ? 1 : 0
  }
