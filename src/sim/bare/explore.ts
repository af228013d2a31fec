/**
 * The Raft core alone, one seed: a group on a bad network and forgetful disks, watched at every
 * step; then the faults stop, and it must commit again within a bound that follows from its
 * timeouts.
 */
import { Prng } from "../../../raft/index.ts"
import type { EntryId, LogIndex } from "../../../raft/index.ts"
import { defaults, propose } from "./member.ts"
import type { Member } from "./member.ts"
import { drawFaults, World } from "./world.ts"

const STEPS = 400
/**
 * Old timers run out, a pre-vote may fail, an election may split: ten timeouts at their longest.
 */
const ELECTION_STEPS = 10 * 2 * defaults.electionTicks

export function worldOf(seed: number): World {
  const prng = new Prng(seed)
  const faults = drawFaults(prng)
  const size = prng.below(3) === 0 ? 5 : 3
  const settings = {
    appendBytesMax: prng.below(2) === 0 ? 4 : 1 << 20,
    inflightMessagesMax: 1 + prng.below(8),
  }
  const spares = faults.membership ? 1 + faults.witnesses : 0
  return new World(seed, size, spares, faults, settings)
}

/** Throws at the first thing that must not be. */
export function explore(world: World): void {
  for (let step = 0; step < STEPS; step++) world.step()
  messagesAreBounded(world)
  world.heal()
  makesProgress(world)
  if (world.members.some((member) => member.isWitness)) worksWithoutAnyOne(world)
}

/**
 * With a witness two data voters are enough for the loss of one of the three; so are three. Whoever
 * goes, the others have all there is to have at that moment.
 */
function worksWithoutAnyOne(world: World): void {
  for (let step = 0; step < 4 * ELECTION_STEPS && !isEven(world); step++) world.step()
  const { leader } = world
  if (leader === undefined || !isEven(world)) throw new Error(`never even: ${world.describe()}`)
  const { voters } = leader.node.configuration
  const gone = world.members.find(({ id }) => id === voters[world.prng.below(voters.length)])
  if (gone === undefined || voters.length < 3) return
  world.stop(gone)
  makesProgress(world, gone)
}

/** Every voter with data has what the leader has, and the witness nothing more. */
function isEven({ leader, members }: World): boolean {
  if (leader === undefined || !leader.node.committedInTerm) return false
  const { node } = leader
  const { voters, votersOutgoing } = node.configuration
  if (votersOutgoing.length > 0) return false
  return members.every((member) => {
    if (!voters.includes(member.id)) return true
    // Its peers may still say that it has lost something.
    if (member.node.standing !== "trusted" || member.node.holdVotes) return false
    if (member.isWitness) return member.node.lastIndex <= node.lastIndex
    return member.node.lastIndex === node.lastIndex && member.node.durableIndex === node.lastIndex
  })
}

/**
 * With the smallest window an entry takes a round trip, so what was left over counts into the
 * bound.
 */
function makesProgress(world: World, gone?: Member): void {
  const backlog = Math.max(...world.members.map(({ node }) => node.lastIndex))
  let proposed: EntryId | null = null
  for (let step = 0; step < ELECTION_STEPS + 4 * backlog; step++) {
    world.step()
    const { leader } = world
    if (leader === undefined || !leader.node.committedInTerm) continue
    if (proposed === null || proposed.term !== leader.node.term) {
      const result = propose(leader.node, "after")
      proposed = result._tag === "proposed" ? result.id : null
    } else if (everyVoterCommitted(world, leader, proposed.index, gone)) return
  }
  throw new Error(`no progress after everything was healed: ${world.describe()}`)
}

function everyVoterCommitted(
  world: World,
  leader: Member,
  index: LogIndex,
  gone?: Member,
): boolean {
  return leader.node.configuration.voters.every((voter) => {
    if (voter === gone?.id) return true
    const member = world.members.find(({ id }) => id === voter)
    if (member?.isWitness === true) return true
    return member !== undefined && member.node.commitIndex >= index
  })
}

/**
 * Hazard 23: whatever is lost, doubled or reordered, traffic stays proportional to time and
 * proposals.
 */
function messagesAreBounded(world: World): void {
  const links = world.members.length * (world.members.length - 1)
  const bound = links * (2 * STEPS + 6 * world.proposalCount)
  const { messageCount } = world
  if (messageCount >= bound) throw new Error(`${messageCount} messages, at most ${bound} expected`)
}
