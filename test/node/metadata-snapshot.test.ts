/** Group 0's log gives way to an image: at restarts, for who lags, and for who comes anew. */
import { expect, test } from "bun:test"
import { encodeSnapshot } from "../../src/cluster/snapshot.ts"
import { emptyImage } from "../../src/cluster/image.ts"
import { imageDiff } from "../../src/node/image-diff.ts"
import { deleteTopics } from "../../src/protocol/messages/delete-topics.ts"
import { createTopic, leaderOf, produceRetrying, readAll, untilLed } from "../support/clients.ts"
import { World } from "../support/world.ts"

const entriesMax = 40

function cluster(seed = 11): World {
  const settings = { metadataSnapshotEntries: entriesMax }
  return new World({ seed, settings }).startAll().untilReady()
}

function createMany(world: World, prefix: string, count: number, at = 0): void {
  for (let i = 0; i < count; i++) expect(createTopic(world, `${prefix}${i}`, { at })).toBe(0)
}

function drop(world: World, at: number, name: string): void {
  const topics = [{ name, topicId: "0".repeat(32) }]
  const answer = world.call(at, deleteTopics, 6, { topics, timeoutMs: 5000 })
  expect(answer.responses[0]?.errorCode).toBe(0)
}

const cutOf = (world: World, id: number): number => world.broker(id).disk.log(0).cut.index

const imageOf = (world: World, id: number) => Buffer.from(encodeSnapshot(world.node(id).image))

/** All say the same of the cluster, byte for byte. */
function agree(world: World): boolean {
  const [first, ...others] = world.running().map(({ id }) => imageOf(world, id))
  return others.every((bytes) => bytes.equals(first!))
}

const hosted = (world: World, id: number): number => world.node(id).status().partitions.hosted

test("the log stays short, and a broker starts from the image", () => {
  const world = cluster()
  createMany(world, "a", 60)
  expect(produceRetrying(world, "a0", ["x"]).errorCode).toBe(0)
  world.run(500)
  for (const id of [0, 1, 2]) {
    const log = world.broker(id).disk.log(0)
    expect(log.cut.index).toBeGreaterThan(entriesMax / 2)
    expect(log.lastIndex - log.cut.index).toBeLessThan(2 * entriesMax)
  }
  const before = imageOf(world, 1)
  world.crash(1)
  world.start(1)
  expect(world.node(1).image.topics.size).toBeGreaterThan(0)
  world.untilReady()
  expect(hosted(world, 1)).toBe(60)
  world.runUntil(() => agree(world), 5000, "the same image")
  expect(before.length).toBe(imageOf(world, 1).length)
  const read = () => readAll(world, untilLed(world, "a0"), "a0").records.map(({ value }) => value)
  world.runUntil(() => read().length > 0, 2000, "the record", 50)
  expect(read()).toEqual(["x"])
})

test("a broker that was away longer than the log reaches back makes and drops what changed", () => {
  const world = cluster()
  createMany(world, "a", 8)
  world.crash(2)
  world.run(1000)
  createMany(world, "b", 50)
  drop(world, 0, "a3")
  drop(world, 0, "a5")
  world.run(500)
  expect(cutOf(world, 0)).toBeGreaterThan(world.broker(2).disk.log(0).lastIndex)
  world.start(2)
  world.untilReady(10_000)
  world.runUntil(() => agree(world), 5000, "the same image")
  expect(hosted(world, 2)).toBe(56)
  expect(world.lines.some((line) => line.includes("begins anew from a snapshot"))).toBe(true)
  const { groups } = world.node(2).image
  for (const group of world.broker(2).disk.groups())
    expect(group === 0 || groups.has(group)).toBe(true)
})

test("a broker that is only cut off follows an image while it runs", () => {
  const world = cluster()
  createMany(world, "a", 4)
  const away = [0, 1, 2].find((id) => id !== world.node(0).controllerId)!
  const at = [0, 1, 2].find((id) => id !== away)!
  world.isolate(away)
  world.run(1000)
  createMany(world, "b", 60, at)
  drop(world, at, "a1")
  world.heal()
  world.runUntil(() => world.ready() && agree(world), 15_000, "the same image")
  expect(hosted(world, away)).toBe(63)
  expect(leaderOf(world, "b7", 0, away)).toBeGreaterThanOrEqual(0)
})

test("a new disk gets the image, then its replicas", () => {
  const world = cluster()
  createMany(world, "a", 60)
  expect(produceRetrying(world, "a7", ["x", "y"]).errorCode).toBe(0)
  world.crash(1)
  world.wipe(1)
  world.run(1000)
  world.start(1)
  world.untilReady(10_000)
  world.runUntil(() => agree(world), 5000, "the same image")
  expect(hosted(world, 1)).toBe(60)
  const group = world.node(1).image.topics.get("a7")!.partitions[0]!.group
  world.runUntil(() => world.node(1).partition(group)!.highWatermark === 2, 5000, "its copy")
})

test("what lies between images is told as records that name it, and nothing else", () => {
  const world = cluster()
  createMany(world, "a", 3)
  const { image } = world.node(0)
  expect(imageDiff(image, image)).toEqual([])
  const tags = imageDiff(emptyImage("c"), image).map(({ _tag }) => _tag)
  expect(tags.filter((tag) => tag === "TopicCreated").length).toBe(3)
  expect(tags.filter((tag) => tag === "BrokerRegistered").length).toBe(3)
  expect(imageDiff(image, emptyImage("c")).map(({ _tag }) => _tag)).toEqual(
    Array.from({ length: 3 }, () => "TopicDeleted"),
  )
})
