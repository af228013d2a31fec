/** A member of a consumer group (KIP-848), as its records say. Never changed in place. */
import { equalPartitions, nonePartitions } from "./owned-partitions.ts"
import type { OwnedPartitions } from "./owned-partitions.ts"

/**
 * - `stable`: has what it should have in its epoch.
 * - `unrevokedPartitions`: must first give up `pendingRevocation`; stays in its epoch until then.
 * - `unreleasedPartitions`: waits for partitions that others have not given up yet.
 * - `unknown`: a later version wrote it.
 */
export type MemberState = "stable" | "unrevokedPartitions" | "unreleasedPartitions" | "unknown"

/** How a member that speaks the classic protocol joined. */
export interface ClassicMetadata {
  readonly sessionTimeoutMs: number
  readonly supportedProtocols: ReadonlyArray<{
    readonly name: string
    readonly metadata: Uint8Array
  }>
}

export interface ConsumerMember {
  readonly memberId: string
  readonly memberEpoch: number
  /** Accepted once more, for the answer that told the member of its new epoch may be lost. */
  readonly previousMemberEpoch: number
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** Without duplicates, sorted. */
  readonly subscribedTopicNames: ReadonlyArray<string>
  /** Null and "" : none. */
  readonly subscribedTopicRegex: string | null
  readonly serverAssignor: string | null
  readonly rebalanceTimeoutMs: number
  readonly state: MemberState
  readonly assigned: OwnedPartitions
  readonly pendingRevocation: OwnedPartitions
  /** Null: it speaks the consumer protocol. */
  readonly classic: ClassicMetadata | null
}

/** What a member says with its epoch when it leaves, for good or (a static one) for a while. */
export const leaveEpoch = -1
export const staticLeaveEpoch = -2

export const newMember = (memberId: string): ConsumerMember => ({
  memberId,
  memberEpoch: 0,
  previousMemberEpoch: -1,
  instanceId: null,
  rackId: null,
  clientId: "",
  clientHost: "",
  subscribedTopicNames: [],
  subscribedTopicRegex: "",
  serverAssignor: null,
  rebalanceTimeoutMs: -1,
  state: "stable",
  assigned: nonePartitions,
  pendingRevocation: nonePartitions,
  classic: null,
})

export const regexOf = (member: ConsumerMember): string | undefined =>
  member.subscribedTopicRegex === null || member.subscribedTopicRegex === ""
    ? undefined
    : member.subscribedTopicRegex

export const isReconciledTo = (member: ConsumerMember, targetEpoch: number): boolean =>
  member.state === "stable" && member.memberEpoch === targetEpoch

export const sortedNames = (names: Iterable<string>): string[] => [...new Set(names)].sort()

export const equalNames = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): boolean =>
  a.length === b.length && a.every((name, at) => b[at] === name)

export const equalMembers = (a: ConsumerMember, b: ConsumerMember): boolean =>
  a === b || (equalMetadata(a, b) && equalAssignments(a, b))

const equalMetadata = (a: ConsumerMember, b: ConsumerMember): boolean =>
  a.memberId === b.memberId &&
  a.instanceId === b.instanceId &&
  a.rackId === b.rackId &&
  a.clientId === b.clientId &&
  a.clientHost === b.clientHost &&
  equalNames(a.subscribedTopicNames, b.subscribedTopicNames) &&
  a.subscribedTopicRegex === b.subscribedTopicRegex &&
  a.serverAssignor === b.serverAssignor &&
  a.rebalanceTimeoutMs === b.rebalanceTimeoutMs &&
  equalClassic(a.classic, b.classic)

const equalAssignments = (a: ConsumerMember, b: ConsumerMember): boolean =>
  a.memberEpoch === b.memberEpoch &&
  a.previousMemberEpoch === b.previousMemberEpoch &&
  a.state === b.state &&
  equalPartitions(a.assigned, b.assigned) &&
  equalPartitions(a.pendingRevocation, b.pendingRevocation)

function equalClassic(a: ClassicMetadata | null, b: ClassicMetadata | null): boolean {
  if (a === null || b === null) return a === b
  return (
    a.sessionTimeoutMs === b.sessionTimeoutMs &&
    a.supportedProtocols.length === b.supportedProtocols.length &&
    a.supportedProtocols.every(({ name, metadata }, at) => {
      const other = b.supportedProtocols[at]
      return other?.name === name && equalBytes(metadata, other.metadata)
    })
  )
}

const equalBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, at) => b[at] === byte)
