/**
 * One number for all that an assignment depends on in the topics of a group: ids, partitions, racks
 * (KIP-1101). When it differs from the group's, the group's epoch moves. Only ever compared; 53
 * bits, so that a number holds it (Kafka's has 64 and another function: nobody reads it elsewhere).
 */
import type { TopicsView } from "../ports.ts"

/** FNV's prime and another one: two hashes of 32 bits with nothing in common. */
const primes = [0x01000193, 0x9e3779b1] as const
const bases = [0x811c9dc5, 0x27220a95] as const

export function metadataHash(names: Iterable<string>, topics: TopicsView): number {
  const known = [...names].filter((name) => topics.topicId(name) !== undefined).sort()
  if (known.length === 0) return 0
  let [high, low]: [number, number] = [...bases]
  for (const name of known) {
    for (const part of partsOf(name, topics)) {
      for (let at = 0; at <= part.length; at++) {
        // Past its end charCodeAt is NaN, which ends each part with a 0 as nothing else does.
        const unit = part.charCodeAt(at) || 0
        high = Math.imul(high ^ unit, primes[0])
        low = Math.imul(low ^ unit, primes[1])
        low ^= low >>> 15
      }
    }
  }
  return (high >>> 11) * 2 ** 32 + (low >>> 0)
}

function* partsOf(name: string, topics: TopicsView): Iterable<string> {
  const count = topics.partitions(name) ?? 0
  yield name
  yield topics.topicId(name) ?? ""
  yield `${count}`
  if (topics.racks === undefined) return
  for (let partition = 0; partition < count; partition++) {
    const racks = [...topics.racks(name, partition)].sort()
    if (racks.length > 0) yield `${partition}\u0000${racks.join("\u0000")}`
  }
}
