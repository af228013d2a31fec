/** Old copies of whole disks: put back where somebody can tell, and somebody does. */
import { describe, expect, test } from "bun:test"
import { createTopic, produceRetrying } from "../support/clients.ts"
import { World } from "../support/world.ts"

/** Everything that broker 1 promises in the next elections is not in its copy. */
function copied(): World {
  const world = new World({ seed: 11 }).startAll().untilReady()
  createTopic(world, "t")
  world.inject({ atMs: 0, _tag: "backup", node: 1 })
  world.crash(0)
  world.run(3000)
  world.start(0)
  world.untilReady(20_000)
  expect(produceRetrying(world, "t", ["v"]).errorCode).toBe(0)
  world.run(2000)
  return world
}

const restore = { atMs: 0, _tag: "restore", node: 1, sentinel: true, downMs: 100 } as const

describe("an old copy with its own sentinel", () => {
  test("is noticed, and its broker comes back to be trusted", () => {
    const world = copied()
    expect(world.inject(restore)).toBe(true)
    expect(world.broker(1).disk.untold).toBe(true)
    world.runUntil(() => !world.broker(1).disk.untold, 10_000, "word from a peer")
    expect(world.rare.get("oldCopyNoticed")).toBeGreaterThan(0)
    world.runUntil(() => world.atlas.isRepaired, 30_000, "repair", 50)
    expect(world.ready()).toBe(true)
  })

  test("is not put back where everybody who could tell has restarted", () => {
    const world = copied()
    world.crash(1)
    for (const id of [0, 2]) {
      world.crash(id)
      world.start(id)
    }
    world.run(3000)
    expect(world.inject(restore)).toBe(false)
    expect(world.inject({ ...restore, beyond: true })).toBe(true)
  })

  test("is not believed while nobody speaks to its broker", () => {
    const world = copied()
    expect(world.inject(restore)).toBe(true)
    world.isolate(1)
    world.run(5000)
    expect(world.rare.get("oldCopyStopped")).toBeGreaterThan(5)
    expect(world.broker(1).disk.untold).toBe(true)
    world.heal()
    world.runUntil(() => world.atlas.isRepaired, 30_000, "repair", 50)
  })
})
