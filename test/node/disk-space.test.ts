/** A disk that is nearly full: refused before anything is proposed, and over by itself. */
import { expect, test } from "bun:test"
import { ErrorCode } from "../../src/protocol/error-codes.ts"
import { deleteRecords } from "../../src/protocol/messages/delete-records.ts"
import {
  createTopic,
  leaderOf,
  produceRetrying,
  produceTo,
  readAll,
  untilLed,
} from "../support/clients.ts"
import { World } from "../support/world.ts"

function begun(replicas: number, seed = 4) {
  const world = new World({ seed }).startAll().untilReady()
  createTopic(world, "t", { replicas, configs: { "min.insync.replicas": "1" } })
  const leader = untilLed(world, "t")
  expect(produceRetrying(world, "t", ["a"]).errorCode).toBe(0)
  world.run(300)
  return { world, leader }
}

test("records are deleted while nothing can be written, and on every disk", () => {
  const { world } = begun(3)
  for (const broker of world.brokers) broker.disk.space = "low"
  world.run(2000)
  const leader = untilLed(world, "t")
  expect(produceTo(world, leader, "t", ["refused"]).errorCode).not.toBe(0)
  const response = world.call(leader, deleteRecords, 2, {
    topics: [{ name: "t", partitions: [{ partitionIndex: 0, offset: -1 }] }],
    timeoutMs: 5000,
  })
  const deleted = { lowWatermark: 1, errorCode: ErrorCode.NONE }
  expect(response.topics[0]?.partitions[0]).toMatchObject(deleted)
  world.run(500)
  const group = world.node(leader).image.topics.get("t")?.partitions[0]?.group ?? -1
  for (const { node } of world.brokers) {
    expect(node?.partition(group)?.raftGroup.log.firstOffset).toBe(1)
  }
})

const contents = (world: World): ReadonlyArray<string> =>
  readAll(world, untilLed(world, "t"), "t").records.map(({ value }) => value)

test("the leader refuses at once, hands over, and does not get it back before there is room", () => {
  const { world, leader } = begun(3)
  world.broker(leader).disk.space = "low"
  const refused = produceTo(world, leader, "t", ["refused"])
  expect(refused.errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
  expect(produceRetrying(world, "t", ["b"]).errorCode).toBe(0)
  expect(leaderOf(world, "t")).not.toBe(leader)
  expect(world.node(leader).status().diskSpace).toBe("low")
  world.run(5000)
  expect(leaderOf(world, "t")).not.toBe(leader)
  world.broker(leader).disk.space = "ample"
  world.runUntil(() => leaderOf(world, "t") === leader, 70_000, "the preferred leader", 100)
  expect(produceRetrying(world, "t", ["c"]).errorCode).toBe(0)
  expect(contents(world)).toEqual(["a", "b", "c"])
})

test("a follower takes no data and acknowledges none; later it gets all of it", () => {
  const { world, leader } = begun(3)
  const full = (leader + 1) % 3
  const group = world.node(leader).image.topics.get("t")!.partitions[0]!.group
  const end = (id: number) => world.broker(id).disk.log(group).lastIndex
  const before = end(full)
  world.broker(full).disk.space = "low"
  for (const value of ["b", "c", "d"]) produceRetrying(world, "t", [value])
  world.run(1000)
  expect(end(full)).toBe(before)
  const member = world
    .node(leader)
    .raftGroup(group)!
    .node.configuration.voters.find((id) => id.startsWith(`${full}/`))!
  expect(world.node(leader).raftGroup(group)!.node.progress(member)!.matchIndex).toBe(before)
  // Metadata and votes go on.
  expect(createTopic(world, "u", { at: full })).toBe(0)
  world.broker(full).disk.space = "ample"
  world.runUntil(() => end(full) === end(leader), 5000, "the follower has everything")
  expect(contents(world)).toEqual(["a", "b", "c", "d"])
})

test("a follower that is elected without room serves what there is", () => {
  const { world, leader } = begun(3)
  const [one, two] = [(leader + 1) % 3, (leader + 2) % 3]
  for (const id of [one, two]) world.broker(id).disk.space = "low"
  world.crash(leader)
  world.runUntil(() => [one, two].includes(leaderOf(world, "t", 0, one)), 10_000, "led", 50)
  expect(contents(world)).toEqual(["a"])
  expect(produceTo(world, leaderOf(world, "t", 0, one), "t", ["x"]).errorCode).toBe(
    ErrorCode.KAFKA_STORAGE_ERROR,
  )
  for (const id of [one, two]) world.broker(id).disk.space = "ample"
  expect(produceRetrying(world, "t", ["b"]).errorCode).toBe(0)
  expect(contents(world)).toEqual(["a", "b"])
})

test("with nobody else it stays leader, and goes on by itself when there is room", () => {
  const { world, leader } = begun(1)
  world.broker(leader).disk.space = "low"
  world.run(2000)
  expect(leaderOf(world, "t")).toBe(leader)
  expect(produceTo(world, leader, "t", ["x"]).errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
  expect(contents(world)).toEqual(["a"])
  world.broker(leader).disk.space = "ample"
  expect(produceTo(world, leader, "t", ["b"]).errorCode).toBe(0)
  expect(contents(world)).toEqual(["a", "b"])
})
