/**
 * Where replicas go. Leaders take turns over the live brokers (by rack in turn when racks are set); followers go
 * where the partition has the fewest replicas of a rack, then where the fewest replicas lie. The same input gives
 * the same placement on every broker: the only freedom is `start`.
 *
 * A fenced broker gets replicas only when there are not enough live ones, and never leads.
 */

export interface PlacementBroker {
  readonly id: number
  readonly rack: string | null
  readonly fenced: boolean
}

/** Replicas by partition, the preferred leader first. Throws RangeError when it cannot be done at all. */
export const placeReplicas = (
  brokers: ReadonlyArray<PlacementBroker>,
  partitions: number,
  replicationFactor: number,
  start: number,
): ReadonlyArray<ReadonlyArray<number>> => {
  if (replicationFactor < 1 || replicationFactor > brokers.length) {
    throw new RangeError(`${replicationFactor} replicas on ${brokers.length} brokers`)
  }
  const turn = [...inTurn(brokers, false), ...inTurn(brokers, true)]
  const liveCount = brokers.filter((broker) => !broker.fenced).length
  if (liveCount === 0) throw new RangeError("no live broker")
  const leaderOf = (partition: number): number => (start + partition) % liveCount
  const replicaCounts = turn.map(() => 0)
  for (let p = 0; p < partitions; p++) replicaCounts[leaderOf(p)]!++
  const rackOf = rackNumbers(turn)
  const placed: Array<ReadonlyArray<number>> = []
  for (let p = 0; p < partitions; p++) {
    const positions = choose(turn, rackOf, replicaCounts, leaderOf(p), replicationFactor)
    placed.push(positions.map((position) => turn[position]!.id))
  }
  return placed
}

/** Brokers by id, one of each rack in turn: neighbours lie in different racks as far as there are enough. */
const inTurn = (
  brokers: ReadonlyArray<PlacementBroker>,
  fenced: boolean,
): ReadonlyArray<PlacementBroker> => {
  const racks = new Map<string | null, Array<PlacementBroker>>()
  for (const broker of brokers.toSorted((a, b) => a.id - b.id)) {
    if (broker.fenced !== fenced) continue
    const rack = racks.get(broker.rack) ?? []
    rack.push(broker)
    racks.set(broker.rack, rack)
  }
  const depth = Math.max(0, ...[...racks.values()].map((rack) => rack.length))
  const turn: Array<PlacementBroker> = []
  for (let i = 0; i < depth; i++) {
    for (const rack of racks.values()) if (rack[i] !== undefined) turn.push(rack[i]!)
  }
  return turn
}

const rackNumbers = (turn: ReadonlyArray<PlacementBroker>): ReadonlyArray<number> => {
  const numbers = new Map<string | null, number>()
  return turn.map(({ rack }) => {
    const number = numbers.get(rack) ?? numbers.size
    numbers.set(rack, number)
    return number
  })
}

/** Positions in `turn` for one partition; counts what it chose in `replicaCounts` (the leader is counted already). */
const choose = (
  turn: ReadonlyArray<PlacementBroker>,
  rackOf: ReadonlyArray<number>,
  replicaCounts: Array<number>,
  leader: number,
  replicationFactor: number,
): ReadonlyArray<number> => {
  const chosen = [leader]
  const inRack = turn.map(() => 0)
  inRack[rackOf[leader]!]!++
  while (chosen.length < replicationFactor) {
    let best = -1
    // Beginning behind the leader breaks ties: the next leaders get the replica, for they cannot follow themselves.
    for (let i = 1; i < turn.length; i++) {
      const position = (leader + i) % turn.length
      if (chosen.includes(position)) continue
      if (best < 0 || isBetter(turn, rackOf, inRack, replicaCounts, position, best)) best = position
    }
    chosen.push(best)
    inRack[rackOf[best]!]!++
    replicaCounts[best]!++
  }
  return chosen
}

const isBetter = (
  turn: ReadonlyArray<PlacementBroker>,
  rackOf: ReadonlyArray<number>,
  inRack: ReadonlyArray<number>,
  replicaCounts: ReadonlyArray<number>,
  a: number,
  b: number,
): boolean => {
  if (turn[a]!.fenced !== turn[b]!.fenced) return !turn[a]!.fenced
  const byRack = inRack[rackOf[a]!]! - inRack[rackOf[b]!]!
  if (byRack !== 0) return byRack < 0
  return replicaCounts[a]! < replicaCounts[b]!
}
