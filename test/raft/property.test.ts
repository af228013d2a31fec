/**
 * Random worlds. A failing seed is replayed by SEED=n; SEEDS=n runs more of them. Safety is checked
 * at every step; then the faults stop and the group must commit again within a bound that follows
 * from its timeouts.
 */
import { expect, test } from "bun:test"
import { Prng, type EntryId, type LogIndex } from "../../raft/index.ts"
import { defaults, propose, type Member } from "./member.ts"
import { World, drawFaults } from "./world.ts"

const first = Number(process.env["SEED"] ?? 1)
const count = process.env["SEED"] === undefined ? Number(process.env["SEEDS"] ?? 300) : 1
const STEPS = 400

function explore(seed: number): World {
  const prng = new Prng(seed)
  const faults = drawFaults(prng)
  const size = prng.below(3) === 0 ? 5 : 3
  const settings = {
    appendBytesMax: prng.below(2) === 0 ? 4 : 1 << 20,
    inflightMessagesMax: 1 + prng.below(8),
  }
  const spares = faults.membership ? 1 + faults.witnesses : 0
  const world = new World(seed, size, spares, faults, settings)
  for (let step = 0; step < STEPS; step++) world.step()
  messagesAreBounded(world)
  world.heal()
  makesProgress(world)
  if (faults.witnesses > 0) worksWithoutAnyOne(world)
  return world
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
    if (member.node.standing !== "trusted") return false
    if (member.isWitness) return member.node.lastIndex <= node.lastIndex
    return member.node.lastIndex === node.lastIndex && member.node.durableIndex === node.lastIndex
  })
}

/**
 * Old timers run out, a pre-vote may fail, an election may split: ten timeouts at their longest.
 */
const ELECTION_STEPS = 10 * 2 * defaults.electionTicks

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
  expect(world.messageCount).toBeLessThan(bound)
}

test(`${count} seeds from ${first}: safe in every step, and alive after healing`, () => {
  let committed = 0
  let crashes = 0
  let damages = 0
  let snapshots = 0
  let withoutOne = 0
  for (let seed = first; seed < first + count; seed++) {
    try {
      const world = explore(seed)
      committed += world.checker.committedCount
      crashes += world.crashCount
      damages += world.damage.count
      snapshots += world.snapshotCount
      if (world.stopped !== null) withoutOne++
    } catch (error) {
      throw new Error(`SEED=${seed}: ${error instanceof Error ? error.message : ""}`, {
        cause: error,
      })
    }
  }
  if (count > 100) {
    expect(committed).toBeGreaterThan(count * 10)
    expect(crashes).toBeGreaterThan(count)
    expect(damages).toBeGreaterThan(count / 2)
    expect(snapshots).toBeGreaterThan(count / 2)
    expect(withoutOne).toBeGreaterThan(count / 10)
  }
}, 600_000)

test("the same seed gives the same run", () => {
  for (const seed of [3, 8, 21]) {
    const [one, other] = [explore(seed), explore(seed)]
    expect(one.describe()).toBe(other.describe())
    expect(one.messageCount).toBe(other.messageCount)
    expect(one.prng.nextUint32()).toBe(other.prng.nextUint32())
  }
})
