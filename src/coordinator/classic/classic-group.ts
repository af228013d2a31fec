/**
 * A group of the classic protocol as its last GroupMetadata record has it: the generation whose
 * assignment was handed out last, or an empty group.
 */
import { ownBytes } from "../own-bytes.ts"
import type { CoordinatorRecord } from "../ports.ts"
import { encodeRecord } from "../records/codec.ts"
import type { ValueOf } from "../records/codec.ts"

export interface ClassicMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  /** What it joined with, under the protocol that was chosen. */
  readonly subscription: Uint8Array
  readonly assignment: Uint8Array
}

export interface ClassicGroup {
  readonly _tag: "classic"
  readonly groupId: string
  /** Empty where none was ever joined. */
  readonly protocolType: string
  readonly generationId: number
  readonly protocolName: string | null
  readonly leaderId: string | null
  /** Since when it is in its state, in ms; −1 where an old record does not tell. */
  readonly stateTimestamp: number
  readonly members: ReadonlyArray<ClassicMember>
}

/** A group that nobody has joined. */
export const emptyGroup = (groupId: string, wallMs: number): ClassicGroup => ({
  _tag: "classic",
  groupId,
  protocolType: "",
  generationId: 0,
  protocolName: null,
  leaderId: null,
  stateTimestamp: wallMs,
  members: [],
})

export const encodeClassicGroup = (group: ClassicGroup): CoordinatorRecord =>
  encodeRecord(
    "GroupMetadata",
    { group: group.groupId },
    {
      protocolType: group.protocolType,
      generation: group.generationId,
      protocol: group.protocolName,
      leader: group.leaderId,
      currentStateTimestamp: group.stateTimestamp,
      members: group.members.map((member) => ({
        memberId: member.memberId,
        groupInstanceId: member.groupInstanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        rebalanceTimeout: member.rebalanceTimeoutMs,
        sessionTimeout: member.sessionTimeoutMs,
        subscription: member.subscription,
        assignment: member.assignment,
      })),
    },
  )

export const classicGroupTombstone = (groupId: string): CoordinatorRecord =>
  encodeRecord("GroupMetadata", { group: groupId }, null)

/** Copies what the value only lends. */
export const classicGroupOf = (groupId: string, value: ValueOf<"GroupMetadata">): ClassicGroup => ({
  _tag: "classic",
  groupId,
  protocolType: value.protocolType,
  generationId: value.generation,
  protocolName: value.protocol,
  leaderId: value.leader,
  stateTimestamp: value.currentStateTimestamp,
  members: value.members.map((member) => ({
    memberId: member.memberId,
    groupInstanceId: member.groupInstanceId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    // Version 0 had none.
    rebalanceTimeoutMs:
      member.rebalanceTimeout === -1 ? member.sessionTimeout : member.rebalanceTimeout,
    sessionTimeoutMs: member.sessionTimeout,
    subscription: ownBytes(member.subscription),
    assignment: ownBytes(member.assignment),
  })),
})
