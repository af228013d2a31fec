/**
 * Where replicas go. Leaders take turns over the live brokers (by rack in turn when racks are set);
 * followers go where the partition has the fewest replicas of a rack, then where the fewest
 * replicas lie. The same input gives the same placement on every broker: the only freedom is
 * `start`.
 *
 * A fenced broker gets replicas only when there are not enough live ones, and never leads.
 */

export interface PlacementBroker {
  readonly id: number
  readonly rack: string | null
  readonly fenced: boolean
}

/**
 * Replicas by partition, the preferred leader first. Throws RangeError when it cannot be done at
 * all.
 */
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
  const load = new Load(turn)
  const leaderOf = (partition: number): number => (start + partition) % liveCount
  for (let p = 0; p < partitions; p++) load.add(leaderOf(p))
  const placed: Array<ReadonlyArray<number>> = []
  for (let p = 0; p < partitions; p++) {
    const positions = choose(turn, load, leaderOf(p), replicationFactor)
    placed.push(positions.map((position) => turn[position]!.id))
  }
  return placed
}

/**
 * Brokers by id, one of each rack in turn: neighbours lie in different racks as far as there are
 * enough.
 */
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

/** Replicas by broker and by rack; leaderships still to come are counted from the start. */
class Load {
  /** Position → number of its rack. */
  readonly rackOf: ReadonlyArray<number>
  private readonly ofBroker: Array<number>
  private readonly ofRack: Array<number>
  private readonly rackSizes: Array<number>

  constructor(turn: ReadonlyArray<PlacementBroker>) {
    const numbers = new Map<string | null, number>()
    for (const { rack } of turn) if (!numbers.has(rack)) numbers.set(rack, numbers.size)
    this.rackOf = turn.map(({ rack }) => numbers.get(rack)!)
    this.ofBroker = turn.map(() => 0)
    this.ofRack = [...numbers].map(() => 0)
    this.rackSizes = [...numbers].map(() => 0)
    for (const rack of this.rackOf) this.rackSizes[rack]!++
  }

  add(position: number): void {
    this.ofBroker[position]!++
    this.ofRack[this.rackOf[position]!]!++
  }

  /** Negative when `a` holds less: itself, or its rack for its size. */
  compare(a: number, b: number): number {
    return this.ofBroker[a]! - this.ofBroker[b]! || this.rackLoad(a) - this.rackLoad(b)
  }

  private rackLoad(position: number): number {
    const rack = this.rackOf[position]!
    return this.ofRack[rack]! / this.rackSizes[rack]!
  }
}

/** Positions in `turn` for one partition. */
const choose = (
  turn: ReadonlyArray<PlacementBroker>,
  load: Load,
  leader: number,
  replicationFactor: number,
): ReadonlyArray<number> => {
  const { rackOf } = load
  const chosen = [leader]
  const inRack = turn.map(() => 0)
  inRack[rackOf[leader]!]!++
  const racksAhead = (position: number): number =>
    (rackOf[position]! - rackOf[leader]! + turn.length) % turn.length
  const isBetter = (a: number, b: number): boolean => {
    if (turn[a]!.fenced !== turn[b]!.fenced) return !turn[a]!.fenced
    const byRack = inRack[rackOf[a]!]! - inRack[rackOf[b]!]!
    return (byRack || load.compare(a, b) || racksAhead(a) - racksAhead(b)) < 0
  }
  while (chosen.length < replicationFactor) {
    let best = -1
    // Ties go to the next leaders and their racks, which cannot take a follower when it is their
    // turn to lead.
    for (let i = 1; i < turn.length; i++) {
      const position = (leader + i) % turn.length
      if (chosen.includes(position)) continue
      if (best < 0 || isBetter(position, best)) best = position
    }
    chosen.push(best)
    inRack[rackOf[best]!]!++
    load.add(best)
  }
  return chosen
}
