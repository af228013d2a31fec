/**
 * Witness voters: with two replicas a majority would be both, so a third broker votes without
 * holding data. It is no replica, and leads never.
 */
import { placementBrokers } from "./controller.ts"
import type { ControllerContext } from "./controller.ts"
import type { MetadataImage } from "./image.ts"
import type { PlacementBroker } from "./placement.ts"

/** Replication factors of other numbers need none: an odd one has its majority, 4 survives one. */
export const witnessFactor = 2

/**
 * Spreads witnesses within one decision. One that is already placed is counted by `countPresent`
 * only, which walks over the image: for the few decisions that place witnesses one by one.
 */
export class WitnessPlacer {
  readonly #brokers: ReadonlyArray<PlacementBroker>
  readonly #counts = new Map<number, number>()

  constructor(image: MetadataImage, context: ControllerContext) {
    const brokers = context.placeWitnesses ? placementBrokers(image, context) : []
    this.#brokers = brokers.toSorted((a, b) => a.id - b.id)
  }

  countPresent(image: MetadataImage): this {
    for (const { witness } of image.groups.values()) if (witness !== -1) this.#count(witness)
    return this
  }

  /**
   * A broker outside `replicas` (and `except`): live ones first, then in a rack without a replica,
   * then with the fewest witnesses, then the next one after `turn`. −1: none is needed, or there.
   */
  place(replicas: ReadonlyArray<number>, turn: number, except: ReadonlyArray<number> = []): number {
    if (replicas.length !== witnessFactor) return -1
    const racks = new Set<string>()
    for (const { id, rack } of this.#brokers) {
      if (rack !== null && replicas.includes(id)) racks.add(rack)
    }
    const cost = ({ id, rack, fenced }: PlacementBroker): ReadonlyArray<number> => [
      Number(fenced),
      Number(rack !== null && racks.has(rack)),
      this.#counts.get(id) ?? 0,
    ]
    let best: PlacementBroker | undefined
    for (let i = 0; i < this.#brokers.length; i++) {
      const broker = this.#brokers[(turn + i) % this.#brokers.length]!
      if (replicas.includes(broker.id) || except.includes(broker.id)) continue
      if (best === undefined || isLess(cost(broker), cost(best))) best = broker
    }
    if (best === undefined) return -1
    this.#count(best.id)
    return best.id
  }

  #count(id: number): void {
    this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1)
  }
}

const isLess = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): boolean => {
  const first = a.findIndex((value, i) => value !== b[i])
  return first !== -1 && a[first]! < b[first]!
}
