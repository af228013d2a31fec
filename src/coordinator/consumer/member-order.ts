/**
 * The order in which Kafka's coordinator lists the members of a group: that of its timeline hash
 * table, a table of chains that doubles when it holds a third more keys than it has slots. Part of
 * no contract, but with it descriptions and, where an assignor has a choice, assignments come out
 * as Kafka's.
 */
import { hashOfString } from "../assignors/hash-order.ts"

const goldenRatio = 0x9e3779b97f4a7c15n
const slotsMin = 2

export function inListingOrder(memberIds: Iterable<string>): string[] {
  const hashes = new Map<string, bigint>()
  for (const id of memberIds) {
    hashes.set(id, BigInt.asUintN(64, BigInt(hashOfString(id)) * goldenRatio))
  }
  let slots: string[][] = newSlots(slotsMin)
  let size = 0
  const insert = (id: string) => {
    const shift = BigInt(64 - Math.log2(slots.length))
    slots[Number((hashes.get(id) ?? 0n) >> shift)]?.push(id)
  }
  for (const id of hashes.keys()) {
    if ((size + 1) * 0.75 > slots.length) {
      const before = slots
      slots = newSlots(slots.length * 2)
      for (const slot of before) for (const moved of slot) insert(moved)
    }
    insert(id)
    size++
  }
  // Chains are read from their ends.
  return slots.flatMap((slot) => slot.toReversed())
}

const newSlots = (count: number): string[][] => Array.from({ length: count }, () => [])
