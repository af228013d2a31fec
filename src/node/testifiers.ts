/**
 * Who must tell its term before a member that may have forgotten a vote can be sure of not giving
 * it twice. DESIGN.md, "A forgotten vote", says why these suffice.
 */
import type { Configuration, MemberId } from "../../raft/types.ts"
import { nodeOf } from "../cluster/members.ts"

/**
 * `possible`: the committed configuration, then those that may still be taken back. Every voter of
 * any of them but those whose disk the committed one shows to be gone.
 */
export function testifiers(possible: ReadonlyArray<Configuration>): ReadonlySet<MemberId> {
  const [committed] = possible
  const asked = new Set(possible.flatMap(votersOf))
  if (committed === undefined) return asked
  for (const member of replacedDisks(committed)) asked.delete(member)
  return asked
}

/**
 * Voters beside whom a newer disk of the same broker stands: it learns, or takes the place in a
 * joint configuration. Nobody adds it before the old one's process is gone.
 */
function replacedDisks(configuration: Configuration): ReadonlyArray<MemberId> {
  const { voters, votersOutgoing, learners } = configuration
  const outgoing = votersOutgoing.filter((member) => !voters.includes(member))
  return [
    ...voters.filter((member) => isSwapped(member, learners)),
    ...outgoing.filter((member) => isSwapped(member, [...voters, ...learners])),
  ]
}

const isSwapped = (member: MemberId, by: ReadonlyArray<MemberId>): boolean =>
  by.some((other) => other !== member && nodeOf(other) === nodeOf(member))

export const votersOf = ({ voters, votersOutgoing }: Configuration): ReadonlyArray<MemberId> => [
  ...new Set([...voters, ...votersOutgoing]),
]

export const isAlone = (configuration: Configuration): boolean =>
  votersOf(configuration).length === 1
