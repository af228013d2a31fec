import { describe, expect, test } from "bun:test"
import { ErrorCode } from "../../src/protocol/error-codes.ts"
import { InSyncReplicas } from "../../src/partition/in-sync-replicas.ts"
import type { LeaderView } from "../../src/partition/in-sync-replicas.ts"
import { memberOf, nodeOf, TestCluster } from "./cluster.ts"

const lagMs = 1000

/** A leader's log and followers to be set by hand. */
function leading(witnesses: ReadonlyArray<number> = [], order = [0, 1, 2]) {
  const match = new Map<string, number>()
  const view = {
    configuration: {
      voters: [0, 1, 2].map(memberOf),
      votersOutgoing: [],
      learners: [],
      learnersNext: [],
      witnesses: witnesses.map(memberOf),
    },
    lastIndex: 10,
    commitIndex: 10,
    noopIndex: 10,
    matchIndex: (member: string) => match.get(member) ?? 0,
  } satisfies LeaderView
  const inSync = new InSyncReplicas(memberOf(0), order.map(memberOf), nodeOf)
  const at = (node: number, index: number): void => void match.set(memberOf(node), index)
  at(0, 10)
  return { view, inSync, at }
}

describe("the set", () => {
  test("begins with everybody who was reported and is not suspected", () => {
    const { view, inSync } = leading()
    inSync.begin(view)
    expect(inSync.nodes).toEqual([0, 1, 2])
    inSync.setReported([0, 2])
    inSync.begin(view)
    expect(inSync.nodes).toEqual([0, 2])
    inSync.setSuspected(new Set([2]), new Map())
    inSync.begin(view)
    expect(inSync.nodes).toEqual([0])
  })

  test("a suspected node leaves at once and returns when it is heard and holds what is committed", () => {
    const { view, inSync, at } = leading()
    inSync.begin(view)
    at(1, 10)
    inSync.setSuspected(new Set([1]), new Map())
    expect(inSync.refresh(view)).toBe(true)
    expect(inSync.nodes).toEqual([0, 2])
    view.commitIndex = view.lastIndex = 12
    inSync.setSuspected(new Set(), new Map())
    expect(inSync.refresh(view)).toBe(false)
    at(1, 12)
    expect(inSync.refresh(view)).toBe(true)
    expect(inSync.nodes).toEqual([0, 1, 2])
  })

  test("a node that speaks from another disk is not in it, whatever the old disk held", () => {
    const { view, inSync, at } = leading()
    inSync.begin(view)
    at(1, 10)
    inSync.setSuspected(new Set(), new Map([[1, "1/another disk"]]))
    expect(inSync.refresh(view)).toBe(true)
    expect(inSync.nodes).toEqual([0, 2])
    inSync.setSuspected(new Set(), new Map([[1, memberOf(1)]]))
    expect(inSync.refresh(view)).toBe(true)
    expect(inSync.nodes).toEqual([0, 1, 2])
  })

  test("who is not caught up for too long leaves; who follows closely stays although never level", () => {
    const { view, inSync, at } = leading()
    inSync.begin(view)
    at(1, 10)
    at(2, 10)
    for (let nowMs = 0; nowMs <= 5000; nowMs += 100) {
      inSync.tick(view, nowMs, lagMs)
      view.lastIndex += 10
      at(1, view.lastIndex - 25)
    }
    expect(inSync.nodes).toEqual([0, 1])
  })

  test("an idle group keeps everybody, however long nothing is ticked, and a new entry gives them time", () => {
    const { view, inSync, at } = leading()
    inSync.begin(view)
    at(1, 10)
    at(2, 10)
    inSync.tick(view, 0, lagMs)
    view.lastIndex = 11
    expect(inSync.tick(view, 1_000_000, lagMs)).toBe(false)
    at(1, 11)
    expect(inSync.tick(view, 1_000_900, lagMs)).toBe(false)
    expect(inSync.tick(view, 1_001_100, lagMs)).toBe(true)
    expect(inSync.nodes).toEqual([0, 1])
  })

  test("who never answers a new leader leaves after the lag time", () => {
    const { view, inSync, at } = leading()
    inSync.begin(view)
    at(1, 10)
    for (const nowMs of [5000, 5500, 6001]) inSync.tick(view, nowMs, lagMs)
    expect(inSync.nodes).toEqual([0, 1])
  })

  test("a witness is never in it, nor a learner", () => {
    const { view, inSync, at } = leading([2])
    inSync.begin(view)
    at(2, 10)
    inSync.refresh(view)
    expect(inSync.nodes).toEqual([0, 1])
    expect(inSync.replicaCount).toBe(2)
  })

  test("is listed in the order of the replicas, before this node has ever led too", () => {
    const { view, inSync } = leading([], [2, 0, 1])
    expect(inSync.nodes).toEqual([2, 0, 1])
    inSync.setSuspected(new Set([0]), new Map())
    inSync.begin(view)
    expect(inSync.nodes).toEqual([2, 0, 1])
    inSync.setSuspected(new Set([1]), new Map())
    inSync.refresh(view)
    expect(inSync.nodes).toEqual([2, 0])
  })

  test("the same array until it changes", () => {
    const { view, inSync } = leading()
    inSync.begin(view)
    const before = inSync.nodes
    inSync.refresh(view)
    inSync.tick(view, 1, lagMs)
    expect(inSync.nodes).toBe(before)
  })

  test("an index is held by so many as have it durable and are in the set", () => {
    const { view, inSync, at } = leading()
    inSync.begin(view)
    at(1, 9)
    at(2, 4)
    expect([1, 2, 3, 4].map((count) => inSync.heldIndex(view, count))).toEqual([10, 9, 4, -1])
    inSync.setSuspected(new Set([1]), new Map())
    inSync.refresh(view)
    expect([1, 2, 3].map((count) => inSync.heldIndex(view, count))).toEqual([10, 4, -1])
  })
})

describe("min.insync.replicas", () => {
  const { NONE, NOT_ENOUGH_REPLICAS, NOT_ENOUGH_REPLICAS_AFTER_APPEND } = ErrorCode

  test("fewer in sync: refused before anything is appended, acks=1 is not", () => {
    const cluster = new TestCluster({ config: { minInSyncReplicas: 2 } })
    const leader = cluster.elect(0)
    leader.setSuspected(new Set([1, 2]))
    cluster.settle()
    expect(leader.inSyncReplicas()).toEqual([0])
    expect(cluster.produced(leader)).toEqual({
      errorCode: NOT_ENOUGH_REPLICAS,
      baseOffset: -1,
      logAppendTimeMs: -1,
      logStartOffset: 0,
    })
    expect(leader.logEndOffset).toBe(0)
    expect(cluster.produced(leader, { acks: 1 }).errorCode).toBe(NONE)
    leader.setSuspected(new Set())
    cluster.settle()
    expect(cluster.produced(leader).errorCode).toBe(NONE)
  })

  test("more than there are replicas means all of them", () => {
    const cluster = new TestCluster({ nodes: 1, config: { minInSyncReplicas: 3 } })
    expect(cluster.produced(cluster.elect(0)).errorCode).toBe(NONE)
  })

  test("with a minimum of three the answer waits for the third, after the commit", () => {
    const cluster = new TestCluster({ config: { minInSyncReplicas: 3 } })
    const leader = cluster.elect(0)
    cluster.isolate(2)
    const { replies } = cluster.produce(leader)
    cluster.settle()
    expect(leader.highWatermark).toBe(1)
    expect(replies).toEqual([])
    cluster.heal()
    cluster.tick(6)
    expect(replies).toMatchObject([{ errorCode: NONE, baseOffset: 0 }])
  })

  test("the set shrank after the append: NOT_ENOUGH_REPLICAS_AFTER_APPEND", () => {
    const cluster = new TestCluster({ config: { minInSyncReplicas: 3 } })
    const leader = cluster.elect(0)
    cluster.isolate(2)
    const { replies } = cluster.produce(leader)
    cluster.settle()
    leader.setSuspected(new Set([2]))
    cluster.settle()
    expect(replies).toMatchObject([{ errorCode: NOT_ENOUGH_REPLICAS_AFTER_APPEND, baseOffset: 0 }])
  })

  test("changes of the set are told", () => {
    const cluster = new TestCluster()
    const leader = cluster.elect(0)
    const before = cluster.nodes[0]!.progress
    leader.setSuspected(new Set([2]))
    cluster.settle()
    expect(cluster.nodes[0]!.progress).toBe(before + 1)
    leader.setSuspected(new Set([2]))
    cluster.settle()
    expect(cluster.nodes[0]!.progress).toBe(before + 1)
  })
})
