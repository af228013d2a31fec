/**
 * What a group's raft membership should be, as the image has it. The image states the goal, the
 * group's leader takes it there by joint consensus, the metadata leader notes that it is there.
 *
 * 1. `MembershipChanged` states a goal (a reassignment, its cancellation, a witness); a new disk of
 *    a replica's broker changes it too, for the goal is made of present disks.
 * 2. The leader of the group claims its term. A metadata log knows one claim at a time, and only a
 *    leader that has applied its own claim changes membership: it then knows every goal that was
 *    settled under an older one, so nobody takes a replica back in that has been told to go.
 * 3. The leader reports a committed membership that is the goal; the metadata leader commits that
 *    it is settled, if claim and goal are still the same. Who left drops its log then.
 */
import type { Configuration, MemberId } from "../../raft/types.ts"
import type { BrokerInfo, MetadataImage, PartitionInfo } from "./image.ts"
import { memberOfBroker, metadataVotersMax, nodeOf, presentMembers } from "./members.ts"

type Brokers = MetadataImage["brokers"]

/** Replicas once the reassignment under way is done. */
export const targetOf = ({ replicas, removing }: PartitionInfo): ReadonlyArray<number> =>
  removing.length === 0 ? replicas : replicas.filter((id) => !removing.includes(id))

/** Replicas if the reassignment under way is cancelled. */
export const originalOf = ({ replicas, adding }: PartitionInfo): ReadonlyArray<number> =>
  adding.length === 0 ? replicas : replicas.filter((id) => !adding.includes(id))

export const isReassigning = ({ adding, removing }: PartitionInfo): boolean =>
  adding.length > 0 || removing.length > 0

/** A witness is to become a replica: before that it has to leave, and its log to be gone. */
export const waitsForWitness = (info: PartitionInfo): boolean =>
  info.adding.some((id) => info.leavingWitnesses.includes(id) || info.vacating.includes(id))

/** What of the group a broker keeps. */
export type HostedAs = "replica" | "witness" | "none"

export const hostedAs = (info: PartitionInfo, id: number): HostedAs => {
  if (info.vacating.includes(id)) return "none"
  if (info.leavingWitnesses.includes(id)) return "witness"
  if (info.replicas.includes(id) || info.departing.includes(id)) return "replica"
  return info.witness === id ? "witness" : "none"
}

/** Where the group's leader is to take its raft membership now. */
export const goalConfiguration = (info: PartitionInfo, brokers: Brokers): Configuration => {
  const waits = waitsForWitness(info)
  const data = presentMembers(waits ? originalOf(info) : targetOf(info), brokers)
  const witnesses = waits || info.witness === -1 ? [] : presentMembers([info.witness], brokers)
  const voters = [...data, ...witnesses]
  return { voters, votersOutgoing: [], learners: [], learnersNext: [], witnesses }
}

export const dataVoters = ({ voters, witnesses }: Configuration): ReadonlyArray<MemberId> =>
  voters.filter((member) => !witnesses.includes(member))

/** The image has something to learn from a group that is where it should be. */
export const isUnsettled = (info: PartitionInfo, brokers: Brokers): boolean => {
  if (info.departing.length > 0 || info.leavingWitnesses.length > 0) return true
  const waits = waitsForWitness(info)
  if (isReassigning(info) && !waits) return true
  return !sameMembers(info.voters, presentMembers(originalOf(info), brokers))
}

export const sameMembers = (a: ReadonlyArray<MemberId>, b: ReadonlyArray<MemberId>): boolean =>
  a.length === b.length && a.every((member) => b.includes(member))

/** Committed, whole and not joint: exactly the goal. */
export const isAtGoal = (current: Configuration, goal: Configuration): boolean =>
  current.votersOutgoing.length === 0 &&
  current.learners.length === 0 &&
  sameMembers(current.voters, goal.voters) &&
  sameMembers(current.witnesses, goal.witnesses)

/**
 * Group 0: its voters are nodes that stay, each by its present disk; up to five, the lowest live
 * ids first. All other disks learn, also those that are not registered yet.
 */
export const metadataGoal = (current: Configuration, brokers: Brokers): Configuration => {
  const present = (member: MemberId): MemberId => {
    const broker = brokers.get(nodeOf(member))
    return broker === undefined ? member : memberOfBroker(broker)
  }
  const voters = [...new Set(current.voters.map(present))]
  const others = [...brokers.values()]
    .filter((broker) => !voters.includes(memberOfBroker(broker)))
    .sort((a, b) => a.id - b.id)
  const room = Math.max(0, metadataVotersMax - voters.length)
  const joining = others.filter(isLive).slice(0, room).map(memberOfBroker)
  const learners = [...current.learners.map(present), ...others.map(memberOfBroker)]
  return {
    voters: [...voters, ...joining],
    votersOutgoing: [],
    learners: [...new Set(learners)].filter(
      (member) => !voters.includes(member) && !joining.includes(member),
    ),
    learnersNext: [],
    witnesses: [],
  }
}

const isLive = ({ fenced }: BrokerInfo): boolean => !fenced
