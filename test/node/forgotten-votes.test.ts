/**
 * Members that may have forgotten a vote while another voter's disk is gone, and memberships that
 * would make somebody's loss everybody's.
 */
import { describe, expect, test } from "bun:test"
import type { Configuration } from "../../raft/types.ts"
import { memberId } from "../../src/cluster/members.ts"
import { testifiers } from "../../src/node/testifiers.ts"
import { createTopic, produceRetrying, readAll, untilLed } from "../support/clients.ts"
import { createAssigned, isSettled, partitionIn, reassign } from "../support/reassignments.ts"
import { sorted } from "../support/sorted.ts"
import { World } from "../support/world.ts"

const noMembers: Configuration = {
  voters: [],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  witnesses: [],
}

const recovered = (world: World): boolean =>
  world.ready() && world.brokers.every(({ node }) => node!.status().recovering.length === 0)

/** 0 loses its sentinel and comes back while 1 is away, which then comes back on an empty disk. */
function forgetfulBesideReplaced(world: World): void {
  world.crash(0)
  world.crash(1)
  world.broker(0).disk.loseSentinel()
  world.run(1500)
  world.start(0)
  world.run(3000)
  world.wipe(1)
  world.start(1)
}

describe("whose term must be heard", () => {
  const [a, b, b2, c] = [memberId(0, "a"), memberId(1, "b"), memberId(1, "b2"), memberId(2, "c")]
  const founding = { ...noMembers, voters: [a, b, c] }

  test("every voter's, of every configuration that may be in force", () => {
    const joint = { ...noMembers, voters: [a, c], votersOutgoing: [a, b, c] }
    const added = { ...noMembers, voters: [a, b, c, memberId(3, "d")] }
    expect([...testifiers([founding])]).toEqual([a, b, c])
    expect([...testifiers([founding, joint])]).toEqual([a, b, c])
    expect([...testifiers([founding, added])]).toEqual([a, b, c, memberId(3, "d")])
  })

  test("not that of a disk whose successor is a member by a committed configuration", () => {
    const learning = { ...founding, learners: [b2] }
    const swapping = { ...noMembers, voters: [a, b2, c], votersOutgoing: [a, b, c] }
    expect([...testifiers([learning])]).toEqual([a, c])
    expect([...testifiers([learning, swapping])]).toEqual([a, c, b2])
    expect([...testifiers([swapping])]).toEqual([a, b2, c])
    expect([...testifiers([founding, learning])]).toEqual([a, b, c])
    expect([...testifiers([founding, swapping])]).toEqual([a, b, c, b2])
  })
})

describe("a vote forgotten while another disk is replaced", () => {
  test("five voters go on without both, and both come back", () => {
    const world = new World({ seed: 4, nodes: 5 }).startAll().untilReady()
    forgetfulBesideReplaced(world)
    world.runUntil(() => recovered(world), 20_000, "everybody trusted")
    expect(createTopic(world, "t")).toBe(0)
  })

  test("of three a majority is lost: one line says so, and nothing goes on by itself", () => {
    const world = new World({ seed: 4 }).startAll().untilReady()
    createTopic(world, "t")
    forgetfulBesideReplaced(world)
    world.run(60_000)
    expect(world.node(0).status().recovering[0]).toEqual({ group: 0, standing: "amnesiac" })
    const said = world.lines.filter((line) => line.includes("group 0: no majority of whole logs"))
    expect(said.length).toBe(1)
    expect(said[0]).toContain("the disks of 1/")
  })

  test("of three, told to accept the loss: goes on with what is left", () => {
    const settings = { acceptDataLoss: true }
    const world = new World({ seed: 4, settings }).startAll().untilReady()
    createTopic(world, "t")
    produceRetrying(world, "t", ["before"])
    forgetfulBesideReplaced(world)
    world.runUntil(() => recovered(world), 60_000, "everybody trusted")
    expect(world.lines.some((line) => line.includes("DATA LOSS ACCEPTED"))).toBe(true)
    expect(produceRetrying(world, "t", ["after"]).errorCode).toBe(0)
  })

  test("two of three disks replaced: everybody says once that this was the majority", () => {
    const world = new World({ seed: 4 }).startAll().untilReady()
    for (const id of [0, 1]) world.crash(id)
    for (const id of [0, 1]) world.wipe(id)
    world.run(1500)
    for (const id of [0, 1]) world.start(id)
    world.run(60_000)
    const said = world.lines.filter((line) => line.includes("group 0 has lost its majority"))
    expect(said.length).toBe(3)
  })
})

test("the only voter's disk replaced: its broker says that this was all", () => {
  const world = new World({ seed: 5 }).startAll().untilReady()
  createAssigned(world, "t", [[1]])
  produceRetrying(world, "t", ["v"])
  world.crash(1)
  world.run(1500)
  world.wipe(1)
  world.start(1)
  world.run(60_000)
  const group = partitionIn(world, "t").group
  const said = world.lines.filter((line) => line.includes(`group ${group} has lost its majority`))
  expect(said.length).toBe(1)
})

describe("a change of membership", () => {
  test("waits where it would need the vote of somebody who is away", () => {
    const world = new World({ seed: 8 }).startAll().untilReady()
    createAssigned(world, "t", [[1, 2]])
    for (let i = 0; i < 10; i++) produceRetrying(world, "t", [`v${i}`])
    world.crash(1)
    world.run(2000)
    expect(reassign(world, 2, "t", [0, 2])).toBe(0)
    world.run(5000)
    // 0 leaves as witness before it comes as replica: 1 and 2 would be left, and 1 is away.
    expect(produceRetrying(world, "t", ["v10"]).errorCode).toBe(0)
    world.broker(1).disk.loseTail(6)
    world.broker(1).disk.loseSentinel()
    world.start(1)
    world.runUntil(() => recovered(world) && isSettled(world, "t"), 30_000, "the reassignment")
    expect(sorted(partitionIn(world, "t").replicas)).toEqual([0, 2])
    expect(readAll(world, untilLed(world, "t"), "t").records.length).toBe(11)
  })

  test("back to the disk on which the group began: what was sent away there is no loss", () => {
    const world = new World({ seed: 9, nodes: 2 }).startAll().untilReady()
    createAssigned(world, "t", [[1]])
    const settled = () => isSettled(world, "t")
    for (let i = 0; i < 10; i++) produceRetrying(world, "t", [`v${i}`])
    expect(reassign(world, 0, "t", [0])).toBe(0)
    world.runUntil(settled, 20_000, "away")
    world.run(500)
    expect(reassign(world, 0, "t", [1])).toBe(0)
    world.crash(1)
    world.run(1000)
    world.start(1)
    world.runUntil(settled, 20_000, "back")
    expect(partitionIn(world, "t").replicas).toEqual([1])
    expect(world.lines.filter((line) => line.includes("is not run"))).toEqual([])
    expect(readAll(world, untilLed(world, "t"), "t").records.length).toBe(10)
  })
})
