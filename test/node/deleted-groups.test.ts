/**
 * A group that was deleted takes its votes along: an old image, shown again at a start because the
 * commit index is stored lazily, must not bring it back.
 */
import { expect, test } from "bun:test"
import { deleteTopics } from "../../src/protocol/messages/delete-topics.ts"
import { createTopic, produceRetrying } from "../support/clients.ts"
import { World } from "../support/world.ts"

function deleted(witnessed: boolean) {
  const world = new World({ seed: 5 }).startAll().untilReady()
  expect(createTopic(world, "other")).toBe(0)
  expect(createTopic(world, "t", { replicas: witnessed ? 2 : 3 })).toBe(0)
  expect(produceRetrying(world, "t", ["x"]).errorCode).toBe(0)
  const { group, witness } = world.node(0).image.topics.get("t")!.partitions[0]!
  expect(witness >= 0).toBe(witnessed)
  world.run(500)
  // A new term of group 0 stores how much of it is committed: the topic, and not its deletion.
  world.crash(0)
  world.run(2000)
  world.start(0)
  world.untilReady()
  const topics = [{ name: "t", topicId: "0".repeat(32) }]
  const gone = world.call(0, deleteTopics, 6, { topics, timeoutMs: 5000 })
  expect(gone.responses[0]?.errorCode).toBe(0)
  const dropped = () => [0, 1, 2].every((id) => world.broker(id).disk.wasDropped(group))
  world.runUntil(dropped, 3000, "the group is dropped everywhere")
  // Drops are durable with a commit behind them; one of group 0 would store its commit index, too.
  expect(produceRetrying(world, "other", ["y"]).errorCode).toBe(0)
  world.run(300)
  return { world, group, witness }
}

test.each([false, true])("it neither campaigns nor votes again (witness: %p)", (witnessed) => {
  const { world, group, witness } = deleted(witnessed)
  const id = witnessed ? witness : 1
  for (const each of [0, 1, 2]) world.crash(each)
  world.start(id)
  world.run(8000)
  // The image is old: the deletion is in the log of group 0, and not known as committed.
  expect(world.node(id).image.groups.has(group)).toBe(true)
  expect(world.broker(id).disk.wasDropped(group)).toBe(true)
  expect(world.node(id).raftGroup(group)).toBeUndefined()
  for (const each of [0, 1, 2]) if (each !== id) world.start(each)
  world.untilReady(10_000)
  for (const each of [0, 1, 2]) {
    expect(world.node(each).image.groups.has(group)).toBe(false)
    expect(world.broker(each).disk.groups()).not.toContain(group)
    expect(world.node(each).raftGroup(group)).toBeUndefined()
  }
})
