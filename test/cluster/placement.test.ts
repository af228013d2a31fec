import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { placeReplicas } from "../../src/cluster/placement.ts"
import type { PlacementBroker } from "../../src/cluster/placement.ts"

const brokersOf = (count: number, racks = 0, fencedIds: ReadonlyArray<number> = []) =>
  Array.from({ length: count }, (_, id): PlacementBroker => ({
    id,
    rack: racks === 0 ? null : `r${id % racks}`,
    fenced: fencedIds.includes(id),
  }))

const counted = (ids: Iterable<number>, brokers: ReadonlyArray<PlacementBroker>) => {
  const counts = new Map(brokers.map((broker) => [broker.id, 0]))
  for (const id of ids) counts.set(id, counts.get(id)! + 1)
  return [...counts.values()]
}

const spread = (counts: ReadonlyArray<number>) => Math.max(...counts) - Math.min(...counts)

const shapes = fc
  .record({
    count: fc.integer({ min: 1, max: 12 }),
    partitions: fc.integer({ min: 1, max: 60 }),
    start: fc.integer({ min: 0, max: 1000 }),
    factorSeed: fc.nat(),
  })
  .map((s) => ({ ...s, factor: 1 + (s.factorSeed % s.count) }))

describe("placement without racks", () => {
  test("distinct brokers, replicas and leaders spread within one", () => {
    fc.assert(
      fc.property(shapes, ({ count, partitions, start, factor }) => {
        const brokers = brokersOf(count)
        const placed = placeReplicas(brokers, partitions, factor, start)
        expect(placed.length).toBe(partitions)
        for (const replicas of placed) {
          expect(replicas.length).toBe(factor)
          expect(new Set(replicas).size).toBe(factor)
        }
        expect(spread(counted(placed.flat(), brokers))).toBeLessThanOrEqual(1)
        const leaders = placed.map((replicas) => replicas[0]!)
        expect(spread(counted(leaders, brokers))).toBeLessThanOrEqual(1)
      }),
      { numRuns: 500 },
    )
  })

  test("leaders take turns from the start position", () => {
    const placed = placeReplicas(brokersOf(3), 5, 2, 7)
    expect(placed.map((replicas) => replicas[0])).toEqual([1, 2, 0, 1, 2])
  })

  test("the order in which brokers are listed does not matter", () => {
    const brokers = brokersOf(7, 3)
    expect(placeReplicas(brokers.toReversed(), 20, 3, 4)).toEqual(placeReplicas(brokers, 20, 3, 4))
  })

  test("more replicas than brokers, none, or nobody alive: refused", () => {
    expect(() => placeReplicas(brokersOf(3), 1, 4, 0)).toThrow(RangeError)
    expect(() => placeReplicas(brokersOf(3), 1, 0, 0)).toThrow(RangeError)
    expect(() => placeReplicas(brokersOf(2, 0, [0, 1]), 1, 1, 0)).toThrow(RangeError)
  })
})

describe("placement with racks", () => {
  test("replicas of a partition lie in as many racks as there are, evenly", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 30 }),
        fc.nat(),
        fc.nat({ max: 100 }),
        (racks, perRack, partitions, factorSeed, start) => {
          const brokers = brokersOf(racks * perRack, racks)
          const factor = 1 + (factorSeed % brokers.length)
          const rackOf = new Map(brokers.map((broker) => [broker.id, broker.rack]))
          for (const replicas of placeReplicas(brokers, partitions, factor, start)) {
            const byRack = new Map([...rackOf.values()].map((rack) => [rack, 0]))
            for (const id of replicas) byRack.set(rackOf.get(id)!, byRack.get(rackOf.get(id)!)! + 1)
            expect(spread([...byRack.values()])).toBeLessThanOrEqual(1)
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  test("leaders go from rack to rack, brokers stay balanced", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 40 }),
        (racks, perRack, partitions) => {
          const brokers = brokersOf(racks * perRack, racks)
          const placed = placeReplicas(brokers, partitions, Math.min(3, brokers.length), 0)
          const leaders = placed.map((replicas) => replicas[0]!)
          expect(spread(counted(leaders, brokers))).toBeLessThanOrEqual(1)
          expect(spread(counted(placed.flat(), brokers))).toBeLessThanOrEqual(1)
          for (const [i, leader] of leaders.entries()) expect(leader % racks).toBe(i % racks)
        },
      ),
      { numRuns: 200 },
    )
  })
})

test("three racks of two, three partitions of two: one replica on every broker", () => {
  const placed = placeReplicas(brokersOf(6, 3), 3, 2, 0)
  expect(counted(placed.flat(), brokersOf(6))).toEqual([1, 1, 1, 1, 1, 1])
})

describe("placement while brokers are fenced", () => {
  test("a fenced broker never leads and is used only when the live ones do not suffice", () => {
    fc.assert(
      fc.property(shapes, fc.nat(), ({ count, partitions, start, factor }, seed) => {
        const fenced = brokersOf(count)
          .map(({ id }) => id)
          .filter((id) => id !== seed % count && (seed >> id) % 2 === 1)
        const live = count - fenced.length
        for (const replicas of placeReplicas(
          brokersOf(count, 0, fenced),
          partitions,
          factor,
          start,
        )) {
          expect(fenced).not.toContain(replicas[0])
          const fencedReplicas = replicas.filter((id) => fenced.includes(id))
          expect(fencedReplicas.length).toBe(Math.max(0, factor - live))
        }
      }),
      { numRuns: 200 },
    )
  })
})
