import { describe, expect, test } from "bun:test"
import { array, assert, integer, property, record, subarray } from "fast-check"
import type { Arbitrary } from "fast-check"
import type { GroupSpec, TopicPartitions } from "../../../src/coordinator/assignors/assignor.ts"
import { assignors } from "../../../src/coordinator/assignors/by-name.ts"

const topicIds = ["a", "b", "c", "d"].map((letter) => letter.repeat(32))

interface Group {
  /** Partitions of each topic. */
  readonly sizes: ReadonlyArray<number>
  /** Of each member, by place in `topicIds`. */
  readonly subscriptions: ReadonlyArray<ReadonlyArray<number>>
}

const groups = (isHomogeneous: boolean): Arbitrary<Group> =>
  record({
    sizes: array(integer({ min: 1, max: 12 }), { minLength: 4, maxLength: 4 }),
    one: subarray([0, 1, 2, 3], { minLength: 1 }),
    subscriptions: array(subarray([0, 1, 2, 3]), { minLength: 1, maxLength: 9 }),
  }).map(({ sizes, one, subscriptions }) => ({
    sizes,
    subscriptions: isHomogeneous ? subscriptions.map(() => one) : subscriptions,
  }))

const specOf = (
  { sizes, subscriptions }: Group,
  isHomogeneous: boolean,
  assigned: ReadonlyMap<string, TopicPartitions> = new Map(),
): GroupSpec => ({
  isHomogeneous,
  partitionsOf: (id) => sizes[topicIds.indexOf(id)] ?? 0,
  members: new Map(
    subscriptions.map((topics, at) => [
      `member-${at}`,
      {
        instanceId: null,
        rackId: null,
        topicIds: new Set(topics.map((topic) => topicIds[topic] ?? "")),
        assigned: assigned.get(`member-${at}`) ?? new Map(),
      },
    ]),
  ),
})

const assign = (name: string, spec: GroupSpec) => assignors.get(name)?.(spec) ?? new Map()

const places = (assignment: ReadonlyMap<string, TopicPartitions>): Map<string, string> => {
  const owners = new Map<string, string>()
  for (const [member, topics] of assignment) {
    for (const [topic, partitions] of topics) {
      for (const partition of partitions) {
        const place = `${topic}:${partition}`
        if (owners.has(place)) throw new Error(`${place} was given twice`)
        owners.set(place, member)
      }
    }
  }
  return owners
}

const loadsOf = (assignment: ReadonlyMap<string, TopicPartitions>) =>
  [...assignment.values()].map((topics) =>
    [...topics.values()].reduce((sum, partitions) => sum + partitions.size, 0),
  )

describe.each(["uniform", "range"])("%s", (name) => {
  test.each([true, false])(
    "each partition of a subscribed topic has one owner, who subscribes to it (homogeneous: %s)",
    (isHomogeneous) => {
      assert(
        property(groups(isHomogeneous), (group) => {
          const owners = places(assign(name, specOf(group, isHomogeneous)))
          const subscribed = new Set(group.subscriptions.flat())
          let expected = 0
          for (const topic of subscribed) expected += group.sizes[topic] ?? 0
          expect(owners.size).toBe(expected)
          for (const [place, member] of owners) {
            const topic = topicIds.indexOf(place.slice(0, 32))
            const at = Number(member.slice("member-".length))
            expect(group.subscriptions[at]).toContain(topic)
          }
        }),
      )
    },
  )

  test("nobody gets nothing", () => {
    const nobody: GroupSpec = { members: new Map(), isHomogeneous: true, partitionsOf: () => 3 }
    expect(assign(name, nobody).size).toBe(0)
  })
})

describe("uniform", () => {
  test("with equal subscriptions the loads differ by one at most", () => {
    assert(
      property(groups(true), (group) => {
        const loads = loadsOf(assign("uniform", specOf(group, true)))
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThan(2)
      }),
    )
  })

  test("asked again it changes nothing", () => {
    assert(
      property(groups(true), (group) => {
        const first = assign("uniform", specOf(group, true))
        const again = assign("uniform", specOf(group, true, first))
        expect(places(again)).toEqual(places(first))
      }),
    )
  })

  test("when a member comes, only what it gets moves; when one goes, only what it had", () => {
    assert(
      property(groups(true), (group) => {
        const { sizes, subscriptions } = group
        const before = assign("uniform", specOf(group, true))
        const more = { sizes, subscriptions: [...subscriptions, subscriptions[0] ?? []] }
        const after = assign("uniform", specOf(more, true, before))
        const newcomer = `member-${subscriptions.length}`
        const [old, now] = [places(before), places(after)]
        for (const [place, member] of now) {
          if (member !== newcomer) expect(old.get(place)).toBe(member)
        }
        const back = places(assign("uniform", specOf(group, true, after)))
        for (const [place, member] of now) {
          if (member !== newcomer) expect(back.get(place)).toBe(member)
        }
      }),
    )
  })
})

const spoken = (topics: TopicPartitions) => [...topics.values()].map((own) => [...own])

test("range gives the first members, by instance and id, one more of each topic", () => {
  const spec = specOf(
    {
      sizes: [3, 5, 1, 1],
      subscriptions: [
        [0, 1],
        [0, 1],
      ],
    },
    true,
  )
  const [first = new Map(), second = new Map()] = [...assign("range", spec).values()]
  expect(spoken(first)).toEqual([
    [0, 1],
    [0, 1, 2],
  ])
  expect(spoken(second)).toEqual([[2], [3, 4]])
})
