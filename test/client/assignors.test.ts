import { describe, expect, test } from "bun:test"
import { array, assert, integer, nat, property, record, subarray } from "fast-check"
import {
  cooperativeSticky,
  range,
  roundRobin,
  type Assignment,
  type AssignorMember,
} from "../../src/client/assignors.ts"
import { partitionName, type TopicPartition } from "../../src/client/topic-partition.ts"

const member = (
  memberId: string,
  topics: ReadonlyArray<string>,
  more: Partial<AssignorMember> = {},
): AssignorMember => ({
  memberId,
  groupInstanceId: null,
  topics,
  owned: [],
  generationId: -1,
  ...more,
})

const shown = (assignment: Assignment) =>
  Object.fromEntries([...assignment].map(([id, partitions]) => [id, partitions.map(partitionName)]))

const counts = (given: Readonly<Record<string, number>>) => new Map(Object.entries(given))

describe("range", () => {
  test("gives consecutive partitions of each topic, the first members one more", () => {
    const members = [member("b", ["t", "u"]), member("a", ["t", "u"])]
    expect(shown(range.assign(members, counts({ t: 3, u: 3 })))).toEqual({
      a: ["t-0", "t-1", "u-0", "u-1"],
      b: ["t-2", "u-2"],
    })
  })

  test("puts static members first, by their instance ids", () => {
    const members = [
      member("a", ["t"]),
      member("z", ["t"], { groupInstanceId: "i2" }),
      member("y", ["t"], { groupInstanceId: "i1" }),
    ]
    expect(shown(range.assign(members, counts({ t: 3 })))).toEqual({
      y: ["t-0"],
      z: ["t-1"],
      a: ["t-2"],
    })
  })

  test("gives a topic only to those who want it", () => {
    const members = [member("a", ["t"]), member("b", ["u"])]
    expect(shown(range.assign(members, counts({ t: 2, u: 1 })))).toEqual({
      a: ["t-0", "t-1"],
      b: ["u-0"],
    })
  })
})

test("round robin deals all partitions out in turn", () => {
  const members = [member("a", ["t", "u"]), member("b", ["t", "u"])]
  expect(shown(roundRobin.assign(members, counts({ t: 3, u: 3 })))).toEqual({
    a: ["t-0", "t-2", "u-1"],
    b: ["t-1", "u-0", "u-2"],
  })
  const uneven = [member("a", ["t"]), member("b", ["t", "u"])]
  expect(shown(roundRobin.assign(uneven, counts({ t: 2, u: 2 })))).toEqual({
    a: ["t-0"],
    b: ["t-1", "u-0", "u-1"],
  })
})

const partitions = (topic: string, ...ids: ReadonlyArray<number>): ReadonlyArray<TopicPartition> =>
  ids.map((partition) => ({ topic, partition }))

describe("cooperative sticky", () => {
  test("gives nobody what another still holds", () => {
    const members = [
      member("a", ["t"], { owned: partitions("t", 0, 1, 2, 3), generationId: 1 }),
      member("b", ["t"]),
    ]
    const first = cooperativeSticky.assign(members, counts({ t: 4 }))
    expect(shown(first)).toEqual({ a: ["t-0", "t-1"], b: [] })
    const second = cooperativeSticky.assign(
      [member("a", ["t"], { owned: partitions("t", 0, 1), generationId: 2 }), member("b", ["t"])],
      counts({ t: 4 }),
    )
    expect(shown(second)).toEqual({ a: ["t-0", "t-1"], b: ["t-2", "t-3"] })
  })

  test("believes the later generation of two that claim the same", () => {
    const members = [
      member("a", ["t"], { owned: partitions("t", 0), generationId: 3 }),
      member("b", ["t"], { owned: partitions("t", 0), generationId: 4 }),
    ]
    expect(shown(cooperativeSticky.assign(members, counts({ t: 2 })))).toEqual({
      a: ["t-1"],
      b: ["t-0"],
    })
  })
})

const membersArbitrary = array(subarray(["t", "u", "v"], { minLength: 1 }), {
  minLength: 1,
  maxLength: 6,
})
const countsArbitrary = record({
  t: nat({ max: 7 }),
  u: nat({ max: 7 }),
  v: nat({ max: 7 }),
})

/** Rounds until nothing changes, as a group that rejoins does. */
function settle(members: ReadonlyArray<AssignorMember>, all: ReadonlyMap<string, number>) {
  let current = members
  for (let round = 1; round <= 3; round++) {
    const assignment = cooperativeSticky.assign(current, all)
    current = current.map((one) => ({
      ...one,
      owned: assignment.get(one.memberId) ?? [],
      generationId: round,
    }))
  }
  return new Map(current.map((one) => [one.memberId, one.owned]))
}

test("every wanted partition has one owner that wants it, whichever assignor", () => {
  assert(
    property(membersArbitrary, countsArbitrary, (subscriptions, given) => {
      const members = subscriptions.map((topics, i) => member(`m${i}`, topics))
      const all = counts(given)
      const wanted = new Set(subscriptions.flat())
      const expected = Object.entries(given).flatMap(([topic, count]) =>
        wanted.has(topic) ? Array.from({ length: count }, (_, i) => `${topic}-${i}`) : [],
      )
      for (const assignment of [
        range.assign(members, all),
        roundRobin.assign(members, all),
        settle(members, all),
      ]) {
        const owned = [...assignment.values()].flat().map(partitionName)
        expect(owned.toSorted()).toEqual(expected.toSorted())
        for (const one of members) {
          for (const { topic } of assignment.get(one.memberId) ?? []) {
            expect(one.topics).toContain(topic)
          }
        }
      }
    }),
    { numRuns: 200 },
  )
})

test("cooperative sticky is balanced to one where all want the same, and keeps what it can", () => {
  assert(
    property(
      integer({ min: 1, max: 6 }),
      integer({ min: 0, max: 20 }),
      integer({ min: 0, max: 3 }),
      (size, count, joining) => {
        const all = counts({ t: count })
        const before = settle(
          Array.from({ length: size }, (_, i) => member(`m${i}`, ["t"])),
          all,
        )
        const grown = [
          ...[...before].map(([id, owned]) => member(id, ["t"], { owned, generationId: 9 })),
          ...Array.from({ length: joining }, (_, i) => member(`n${i}`, ["t"])),
        ]
        const after = settle(grown, all)
        const loads = [...after.values()].map((owned) => owned.length)
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1)
        for (const [id, owned] of before) {
          const kept = new Set((after.get(id) ?? []).map(partitionName))
          const lost = owned.filter((one) => !kept.has(partitionName(one))).length
          expect(lost).toBe(owned.length - Math.min(owned.length, kept.size))
        }
      },
    ),
    { numRuns: 200 },
  )
})
