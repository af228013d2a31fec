/** A thousand partitions: asleep when idle, led again after a broker's death by one decision. */
import { expect, test } from "bun:test"
import { createTopic, produceTo } from "../support/clients.ts"
import { World } from "../support/world.ts"

const partitions = 1000

const led = (world: World, at: number): number => {
  const node = world.node(at)
  let count = 0
  for (const { group } of node.image.groups.values()) {
    const { leader } = node.leaderOf(group)
    if (leader !== -1 && world.brokers[leader]?.node !== undefined) count++
  }
  return count
}

const quiet = (world: World): boolean =>
  world.running().every(({ id }) => {
    const { hosted, quiesced, awake } = world.node(id).status().partitions
    return hosted === quiesced && awake === 1
  })

test("1,000 partitions fall asleep, and 99 % are led again within 2 s of a broker's death", () => {
  const world = new World({ seed: 7 }).startAll().untilReady()
  expect(createTopic(world, "t", { partitions })).toBe(0)
  world.runUntil(() => led(world, 1) === partitions, 3000, "all led", 20)
  world.runUntil(() => quiet(world), 10_000, "all asleep", 20)

  const framesBefore = world.frames
  world.run(5000)
  // Only heartbeats and what group 0 says: independent of the number of partitions.
  expect((world.frames - framesBefore) / 5).toBeLessThan(150)
  expect(quiet(world)).toBe(true)

  const before = world.node(1).image.index
  const termsBefore = [...world.node(1).image.groups.values()].map(
    ({ group }) => world.node(1).leaderOf(group).term,
  )
  world.crash(0)
  const killedMs = world.nowMs
  world.runUntil(() => led(world, 1) >= 0.99 * partitions, 5000, "99 % led again", 20)
  expect(world.nowMs - killedMs).toBeLessThan(2000)
  world.runUntil(() => led(world, 1) === partitions, 5000, "all led again", 20)
  // The decisions: the broker is lost, its leaderships move; perhaps a second round for stragglers.
  expect(world.node(1).image.index - before).toBeLessThanOrEqual(4)
  const assigned = [0, 0, 0]
  for (const { assignedLeader } of world.node(1).image.groups.values()) assigned[assignedLeader]!++
  expect(assigned[0]).toBe(0)
  expect(Math.abs(assigned[1]! - assigned[2]!)).toBeLessThan(40)
  // One election each: no storm.
  const terms = [...world.node(1).image.groups.values()].map(
    ({ group }, i) => world.node(1).leaderOf(group).term - termsBefore[i]!,
  )
  expect(terms.filter((grown) => grown > 1).length).toBeLessThan(partitions / 50)

  world.start(0)
  world.runUntil(
    () => {
      const node = world.node(1)
      let home = 0
      for (const { group, replicas } of node.image.groups.values()) {
        if (node.leaderOf(group).leader === replicas[0]) home++
      }
      return home === partitions
    },
    60_000,
    "every leadership is back home",
    20,
  )
  expect(produceTo(world, 0, "t", ["x"], { partition: homeOf(world, 0) }).errorCode).toBe(0)
  world.runUntil(() => quiet(world), 20_000, "all asleep again", 20)
}, 60_000)

function homeOf(world: World, broker: number): number {
  for (const info of world.node(1).image.groups.values()) {
    if (info.replicas[0] === broker) return info.partition
  }
  throw new Error(`broker ${broker} is nobody's first replica`)
}
