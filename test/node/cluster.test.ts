/** Three brokers as shipped, simulated network and disks: start, topics, records, failures. */
import { describe, expect, test } from "bun:test"
import { metadata } from "../../src/protocol/messages/metadata.ts"
import { createTopic, leaderOf, produceTo, readAll, untilLed } from "../support/clients.ts"
import { World } from "../support/world.ts"

describe("start", () => {
  test("three brokers are ready within a second", () => {
    const world = new World({ seed: 1 }).startAll()
    const beganMs = world.nowMs
    world.untilReady(1000)
    expect(world.nowMs - beganMs).toBeLessThan(1000)
    for (const { id } of world.brokers) {
      expect(
        world
          .node(id)
          .status()
          .brokers.map((broker) => broker.id),
      ).toEqual([0, 1, 2])
    }
  })

  test("when all say ready, each of them lists all of them, however slow the links are", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const world = new World({ seed, latencyMs: [1, 80] }).startAll().untilReady()
      const asked = world.brokers.map(({ id }) => world.ask(id, metadata, 12, { topics: [] }))
      for (const { answer } of asked) {
        if (answer === undefined || typeof answer === "string") throw new Error("no answer")
        const listed = answer.brokers.map(({ nodeId }) => nodeId).toSorted((a, b) => a - b)
        expect({ seed, listed }).toEqual({ seed, listed: [0, 1, 2] })
      }
    }
  })

  test("a single broker is ready at once", () => {
    const world = new World({ nodes: 1 }).startAll()
    world.untilReady(200)
    expect(createTopic(world, "t", { replicas: 1 })).toBe(0)
    expect(produceTo(world, 0, "t", ["a"])).toMatchObject({ errorCode: 0, baseOffset: 0 })
  })
})

describe("topics", () => {
  test("any broker creates one, every broker shows its leader, records come back", () => {
    for (const at of [0, 1, 2]) {
      const world = new World({ seed: 10 + at }).startAll().untilReady()
      expect(createTopic(world, "t", { at, partitions: 3 })).toBe(0)
      const leader = leaderOf(world, "t", 0, at)
      expect(leader).toBeGreaterThanOrEqual(0)
      expect(produceTo(world, leader, "t", ["a", "b"])).toMatchObject({
        errorCode: 0,
        baseOffset: 0,
      })
      expect(produceTo(world, leader, "t", ["c"])).toMatchObject({ errorCode: 0, baseOffset: 2 })
      expect(readAll(world, leader, "t").records.map((r) => r.value)).toEqual(["a", "b", "c"])
    }
  })

  test("leaders are spread over the brokers", () => {
    const world = new World({ seed: 3 }).startAll().untilReady()
    createTopic(world, "t", { partitions: 9 })
    const counts = [0, 0, 0]
    for (let partition = 0; partition < 9; partition++) {
      counts[untilLed(world, "t", partition)]!++
    }
    expect(counts).toEqual([3, 3, 3])
  })
})
