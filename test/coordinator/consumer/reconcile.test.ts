import { describe, expect, test } from "bun:test"
import { newMember } from "../../../src/coordinator/consumer/member.ts"
import type { ConsumerMember } from "../../../src/coordinator/consumer/member.ts"
import { withEpoch } from "../../../src/coordinator/consumer/owned-partitions.ts"
import { PartitionEpochs } from "../../../src/coordinator/consumer/partition-epochs.ts"
import { reconcile } from "../../../src/coordinator/consumer/reconcile.ts"
import type { Reconciliation } from "../../../src/coordinator/consumer/reconcile.ts"
import { subscriptionsOf } from "../../../src/coordinator/consumer/subscriptions.ts"

const [a, b] = ["a".repeat(32), "b".repeat(32)]

const owned = (epoch: number, ...partitions: ReadonlyArray<number>) =>
  withEpoch(new Map([[a, partitions]]), epoch)

const member = (rest: Partial<ConsumerMember>): ConsumerMember => ({ ...newMember("m"), ...rest })

const step = (from: ConsumerMember, rest: Partial<Reconciliation>) => {
  const to = reconcile(from, {
    targetEpoch: 5,
    target: new Map(),
    subscribedTopicIds: new Set([a, b]),
    subscriptionChanged: false,
    isOwned: () => false,
    reported: null,
    ...rest,
  })
  if ("_tag" in to) return to
  const { state, memberEpoch, assigned, pendingRevocation } = to
  const spoken = (partitions: typeof assigned) =>
    [...partitions]
      .map(([topic, own]) => `${topic[0]}:${[...own.keys()].sort((x, y) => x - y).join()}`)
      .join(" ")
  return { state, memberEpoch, assigned: spoken(assigned), pending: spoken(pendingRevocation) }
}

const target = (...partitions: ReadonlyArray<number>) => new Map([[a, new Set(partitions)]])
const reported = (...partitions: ReadonlyArray<number>) => [{ topicId: a, partitions }]

describe("one step of a member", () => {
  test("revokes before it takes, and stays in its epoch", () => {
    const from = member({ memberEpoch: 4, assigned: owned(2, 0, 1) })
    expect(step(from, { target: target(1, 2) })).toEqual({
      state: "unrevokedPartitions",
      memberEpoch: 4,
      assigned: "a:1",
      pending: "a:0",
    })
  })

  test("moves on at once where it has said that it has nothing of what it is to give up", () => {
    const from = member({ memberEpoch: 4, assigned: owned(2, 0, 1) })
    expect(step(from, { target: target(1, 2), reported: reported(1) })).toEqual({
      state: "stable",
      memberEpoch: 5,
      assigned: "a:1,2",
      pending: "",
    })
  })

  test("gets what is free and waits for the rest", () => {
    const taken = 2
    const isOwned: Reconciliation["isOwned"] = (_, partition) => partition === taken
    expect(step(member({ memberEpoch: 4 }), { target: target(1, taken), isOwned })).toEqual({
      state: "unreleasedPartitions",
      memberEpoch: 5,
      assigned: "a:1",
      pending: "",
    })
  })

  test("what it was to give up and is its target again is its own", () => {
    const from = member({
      memberEpoch: 4,
      state: "unrevokedPartitions",
      assigned: owned(2, 0),
      pendingRevocation: owned(2, 1),
    })
    const given = { target: target(0, 1), isOwned: () => true, reported: reported(0) }
    expect(step(from, given)).toMatchObject({ state: "stable", assigned: "a:0,1" })
  })

  test("keeps the epochs of what it keeps", () => {
    const from = member({ memberEpoch: 4, assigned: owned(2, 0) })
    const to = reconcile(from, {
      targetEpoch: 5,
      target: target(0, 1),
      subscribedTopicIds: new Set([a]),
      subscriptionChanged: false,
      isOwned: () => false,
      reported: null,
    })
    expect("assigned" in to && [...(to.assigned.get(a) ?? [])]).toEqual([
      [0, 2],
      [1, 5],
    ])
  })

  test("a topic that it has left is no target", () => {
    const from = member({ memberEpoch: 4 })
    expect(step(from, { target: target(0), subscribedTopicIds: new Set([b]) })).toMatchObject({
      state: "stable",
      assigned: "",
    })
  })

  const left = { targetEpoch: 4, subscribedTopicIds: new Set([b]), subscriptionChanged: true }

  test("loses a topic that it leaves with this request, without a new target", () => {
    const from = member({ memberEpoch: 4, assigned: owned(2, 0) })
    expect(step(from, left)).toMatchObject({ state: "unrevokedPartitions", pending: "a:0" })
    expect(step(from, { ...left, reported: [] })).toMatchObject({
      state: "stable",
      assigned: "",
      pending: "",
    })
  })

  test("loses it also while it is revoking others", () => {
    const from = member({
      memberEpoch: 4,
      state: "unrevokedPartitions",
      assigned: owned(2, 0),
      pendingRevocation: owned(2, 1),
    })
    expect(step(from, left)).toMatchObject({ assigned: "", pending: "a:0,1" })
  })

  test("one in a state of a later version must begin anew", () => {
    const from = member({ memberEpoch: 4, state: "unknown" })
    expect(step(from, {})).toMatchObject({ _tag: "Refused" })
    expect(step(from, { reported: [], target: target(0) })).toMatchObject({ assigned: "a:0" })
  })
})

test("in a compacted log an earlier owner may come after a later one", () => {
  const epochs = new PartitionEpochs()
  const early = member({ memberEpoch: 3, assigned: owned(3, 0) })
  const late = member({ memberEpoch: 6, assigned: owned(6, 0) })
  epochs.replace(undefined, late)
  epochs.replace(undefined, early)
  epochs.replace(early, member({ memberEpoch: 7 }))
  expect(epochs.isOwned(a, 0)).toBe(true)
  epochs.replace(late, undefined)
  expect(epochs.isOwned(a, 0)).toBe(false)
})

const named = (...subscribedTopicNames: ReadonlyArray<string>) => member({ subscribedTopicNames })
const by = (subscribedTopicRegex: string, ...names: ReadonlyArray<string>) =>
  member({ subscribedTopicRegex, subscribedTopicNames: names })
describe("subscriptions are homogeneous", () => {
  const resolved = new Map([["x.*", { topics: ["x1"], version: 1, timestampMs: 1 }]])

  test.each<[boolean, string, ReadonlyArray<ConsumerMember>]>([
    [true, "nobody", []],
    [true, "the same names", [named("x1"), named("x1")]],
    [false, "different names", [named("x1"), named("x1", "y")]],
    [true, "the same pattern", [by("x.*"), by("x.*")]],
    [false, "different patterns", [by("x.*"), by("y.*")]],
    [false, "a pattern and names", [by("x.*"), named("x1")]],
    [false, "a pattern, and its topic also by name", [by("x.*", "x1"), by("x.*")]],
  ])("%s: %s", (expected, _, members) => {
    expect(subscriptionsOf(members, resolved).isHomogeneous).toBe(expected)
  })
})
