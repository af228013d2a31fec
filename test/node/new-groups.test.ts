/** Which groups no earlier process of a disk can have voted in, whatever the disk has forgotten. */
import { describe, expect, test } from "bun:test"
import { NewGroups } from "../../src/node/new-groups.ts"
import type { Hello } from "../../src/node/ports.ts"
import { peerVersion } from "../../src/peer/codec.ts"

const hello = (nodeId: number, lastIndex: number): Hello => ({
  _tag: "Hello",
  version: peerVersion,
  clusterId: "c",
  nodeId,
  diskUuid: `disk-${nodeId}`,
  incarnation: `life-${nodeId}`,
  appliedMetadataIndex: 0,
  heights: [
    { group: 3, term: 1, acceptedTerm: 1, lastIndex: 1000 },
    { group: 0, term: 1, acceptedTerm: 1, lastIndex },
  ],
  witnessedDisk: "",
  witnessed: [],
})

/** Own log of the metadata up to 10; the peers' as said. */
function heard(...ends: ReadonlyArray<number>): NewGroups {
  const groups = new NewGroups([1, 2], 10)
  for (const [i, lastIndex] of ends.entries()) groups.heard(hello(i + 1, lastIndex))
  return groups
}

describe("groups made after a process began", () => {
  test("are those that were committed above every end of the metadata log that was told", () => {
    const groups = heard(12, 14)
    groups.created(5, 13)
    expect([5, 6, 7].map((group) => groups.has(group))).toEqual([false, false, false])
    groups.created(6, 14)
    expect([5, 6, 7].map((group) => groups.has(group))).toEqual([false, true, true])
  })

  test("this disk's own log counts as well", () => {
    const groups = heard(3, 4)
    groups.created(5, 9)
    expect(groups.has(5)).toBe(false)
    groups.created(6, 10)
    expect(groups.has(6)).toBe(true)
  })

  test("of none it can be said before every peer was heard, nor by a broker without peers", () => {
    const groups = heard(12)
    groups.created(5, 100)
    expect(groups.has(5)).toBe(false)
    groups.heard(hello(2, 14))
    groups.created(6, 100)
    expect([5, 6].map((group) => groups.has(group))).toEqual([false, true])
    const alone = new NewGroups([], 10)
    alone.created(5, 100)
    expect(alone.has(5)).toBe(false)
  })

  test("a peer's first word counts: what it tells later was perhaps committed later", () => {
    const groups = heard(12, 14)
    groups.heard(hello(1, 30))
    groups.created(5, 20)
    expect(groups.has(5)).toBe(true)
  })
})
