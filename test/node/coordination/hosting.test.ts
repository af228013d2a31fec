/**
 * Coordinators and the partitions they live in: who may answer, what outlives whom, and what is
 * never said.
 */
import { describe, expect, test } from "bun:test"
import { consumerOffsetsTopic } from "../../../src/cluster/topic-names.ts"
import { groupPartition } from "../../../src/node/coordination/group-partition.ts"
import { ErrorCode } from "../../../src/protocol/error-codes.ts"
import { deleteGroups } from "../../../src/protocol/messages/delete-groups.ts"
import { deleteTopics } from "../../../src/protocol/messages/delete-topics.ts"
import { describeGroups } from "../../../src/protocol/messages/describe-groups.ts"
import { heartbeat } from "../../../src/protocol/messages/heartbeat.ts"
import { listGroups } from "../../../src/protocol/messages/list-groups.ts"
import { offsetFetch } from "../../../src/protocol/messages/offset-fetch.ts"
import { offsetDelete } from "../../../src/protocol/messages/offset-delete.ts"
import { createTopic, produceTo, untilLed } from "../../support/clients.ts"
import { World } from "../../support/world.ts"
import { commit, coordinatorOf, fetched, joinAlone, topic } from "./group-world.ts"

const group = "g"

const started = (seed: number, options: ConstructorParameters<typeof World>[0] = {}) => {
  const settings = { offsetsTopicNumPartitions: 3, ...options.settings }
  const world = new World({ ...options, settings, seed }).startAll().untilReady()
  const replicas = Math.min(3, world.brokers.length)
  expect(createTopic(world, topic, { partitions: 3, replicas })).toBe(ErrorCode.NONE)
  return world
}

const others = (world: World, node: number): ReadonlyArray<number> =>
  world.brokers.map(({ id }) => id).filter((id) => id !== node)

const partitionOf = (world: World, node: number, groupId = group) => {
  const info = world.node(node).image.topics.get(consumerOffsetsTopic)
  const found = info?.partitions[groupPartition(groupId, info.partitions.length)]
  const partition = found === undefined ? undefined : world.node(node).partition(found.group)
  if (partition === undefined) throw new Error("no such partition here")
  return partition
}

const newCoordinator = (world: World, old: number): number => {
  const [ask = 0] = others(world, old)
  world.runUntil(() => coordinatorOf(world, group, ask) !== old, 10_000, "another coordinator", 50)
  return coordinatorOf(world, group, ask)
}

describe("who answers for a group", () => {
  test("the leader of its partition alone; elsewhere every question is NOT_COORDINATOR", () => {
    const world = started(1)
    const node = coordinatorOf(world, group)
    const member = joinAlone(world, node, group)
    expect(commit(world, node, group, 7, member)).toBe(ErrorCode.NONE)
    expect(fetched(world, node, group)).toEqual({ errorCode: 0, offset: 7 })
    const asked = { groupId: group, ...member }
    expect(world.call(node, heartbeat, 4, asked).errorCode).toBe(ErrorCode.NONE)
    for (const other of others(world, node)) {
      const not = ErrorCode.NOT_COORDINATOR
      expect(fetched(world, other, group)).toEqual({ errorCode: not, offset: undefined })
      expect(commit(world, other, group, 9, member)).toBe(not)
      expect(world.call(other, heartbeat, 4, asked).errorCode).toBe(not)
      const described = world.call(other, describeGroups, 6, { groups: [group] }).groups
      expect(described).toMatchObject([{ groupId: group, errorCode: not }])
      const deleted = world.call(other, deleteGroups, 2, { groupsNames: [group] }).results
      expect(deleted).toEqual([{ groupId: group, errorCode: not }])
      const forgotten = { groupId: group, topics: [] }
      expect(world.call(other, offsetDelete, 0, forgotten).errorCode).toBe(not)
    }
    expect(fetched(world, node, group).offset).toBe(7)
  })

  test("before version 8 the error stands where that version has one", () => {
    const world = started(2)
    const [other = 0] = others(world, coordinatorOf(world, group))
    const topics = [{ name: topic, partitionIndexes: [0, 2] }]
    const first = world.call(other, offsetFetch, 1, { groupId: group, topics })
    const partitions = [0, 2].map((partitionIndex) => ({
      partitionIndex,
      committedOffset: -1,
      errorCode: ErrorCode.NOT_COORDINATOR,
    }))
    expect(first.topics).toMatchObject([{ name: topic, partitions }])
    const later = world.call(other, offsetFetch, 5, { groupId: group, topics })
    expect(later).toMatchObject({ errorCode: ErrorCode.NOT_COORDINATOR, topics: [] })
  })

  test("without a group id there is nobody to ask, and the answer says so at every broker", () => {
    const world = started(3)
    coordinatorOf(world, group)
    for (const { id } of world.brokers) {
      const asked = { groupId: "", memberId: "", generationId: 1 }
      expect(world.call(id, heartbeat, 4, asked).errorCode).toBe(ErrorCode.INVALID_GROUP_ID)
    }
  })

  test("each broker lists the groups of the partitions that it leads", () => {
    const world = started(4)
    const groups = Array.from({ length: 12 }, (_, i) => `list-${i}`)
    const owners = groups.map((id) => coordinatorOf(world, id))
    groups.forEach((id, i) => expect(commit(world, owners[i] ?? 0, id, i)).toBe(ErrorCode.NONE))
    for (const { id } of world.brokers) {
      const { errorCode, groups: listed } = world.call(id, listGroups, 5, {})
      expect(errorCode).toBe(ErrorCode.NONE)
      const own = groups.filter((_, i) => owners[i] === id)
      expect(listed.map(({ groupId }) => groupId).toSorted()).toEqual(own.toSorted())
    }
  })
})

describe("a coordinator that goes", () => {
  test.each([11, 12, 13, 14])(
    "leaves what was committed to the next one; nobody says -1 in between (seed %d)",
    (seed) => {
      const world = started(seed)
      const node = coordinatorOf(world, group)
      const member = joinAlone(world, node, group)
      expect(commit(world, node, group, 7, member)).toBe(ErrorCode.NONE)
      world.crash(node)
      const codes = new Set<number | undefined>()
      const rest = others(world, node)
      world.runUntil(
        () => {
          const answers = rest.map((id) => fetched(world, id, group))
          for (const { errorCode, offset } of answers) {
            codes.add(errorCode)
            if (errorCode === ErrorCode.NONE) expect(offset).toBe(7)
          }
          return answers.some(({ errorCode }) => errorCode === ErrorCode.NONE)
        },
        5_000,
        "another coordinator",
        5,
      )
      for (const code of codes) expect([0, 14, 16]).toContain(code ?? -1)
      // The member goes on where it was, without a rebalance.
      const next = newCoordinator(world, node)
      const asked = { groupId: group, ...member }
      expect(world.call(next, heartbeat, 4, asked).errorCode).toBe(ErrorCode.NONE)
      expect(commit(world, next, group, 8, member)).toBe(ErrorCode.NONE)
    },
  )

  test("stood still meanwhile, it does not answer with what it knew", () => {
    const world = started(21)
    const node = coordinatorOf(world, group)
    expect(commit(world, node, group, 1)).toBe(ErrorCode.NONE)
    world.pause(node)
    const next = newCoordinator(world, node)
    expect(commit(world, next, group, 2)).toBe(ErrorCode.NONE)
    const topics = [{ name: topic, partitionIndexes: [0] }]
    const asked = world.ask(node, offsetFetch, 9, { groups: [{ groupId: group, topics }] })
    const listed = world.ask(node, listGroups, 5, {})
    world.resume(node)
    world.run(2_000)
    if (asked.answer === undefined || typeof asked.answer === "string") throw new Error("no answer")
    expect(asked.answer.groups[0]?.errorCode).toBe(ErrorCode.NOT_COORDINATOR)
    expect(listed.answer).toMatchObject({ errorCode: 0, groups: [] })
  })

  test("cut off, it neither answers nor acknowledges", () => {
    const world = started(22)
    const node = coordinatorOf(world, group)
    expect(commit(world, node, group, 1)).toBe(ErrorCode.NONE)
    world.isolate(node)
    expect(fetched(world, node, group).errorCode).toBe(ErrorCode.NOT_COORDINATOR)
    expect(commit(world, node, group, 5)).not.toBe(ErrorCode.NONE)
    const next = newCoordinator(world, node)
    expect(commit(world, next, group, 2)).toBe(ErrorCode.NONE)
    world.heal()
    world.run(3_000)
    expect(fetched(world, coordinatorOf(world, group), group).offset).toBe(2)
  })

  test("without enough replicas in sync nothing is acknowledged", () => {
    const world = started(23, { settings: { minInsyncReplicas: 3 } })
    const node = coordinatorOf(world, group)
    expect(commit(world, node, group, 1)).toBe(ErrorCode.NONE)
    const [lost = 0] = others(world, node)
    world.crash(lost)
    world.run(2_000)
    expect(commit(world, node, group, 2)).toBe(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    expect(fetched(world, node, group)).toEqual({ errorCode: 0, offset: 1 })
  })
})

describe("what a coordinator keeps", () => {
  test("begins with a checkpoint after a restart, and reads on from there", () => {
    const world = started(31, {
      nodes: 1,
      latencyMs: [0, 0],
      fsyncMs: [0, 0],
      settings: { offsetsTopicReplicationFactor: 1 },
    })
    const node = coordinatorOf(world, group)
    const member = joinAlone(world, node, group)
    for (let offset = 1; offset <= 10_050; offset++) {
      expect(commit(world, node, group, offset, member)).toBe(ErrorCode.NONE)
    }
    const { index = 0 } = partitionOf(world, node).raftGroup.log.checkpoint() ?? {}
    expect(index).toBeGreaterThan(9_000)
    const { raftGroup } = partitionOf(world, node)
    const lastIndex = raftGroup.appliedIndex
    const before = partitionOf(world, node).encode()
    world.crash(node, 1_000_000)
    world.start(node)
    world.untilReady()
    const startedMs = world.nowMs
    world.runUntil(() => fetched(world, node, group).errorCode === 0, 2_000, "the coordinator", 10)
    expect(world.nowMs - startedMs).toBeLessThan(2_000)
    expect(fetched(world, node, group).offset).toBe(10_050)
    const again = { groupId: group, ...member }
    expect(world.call(node, heartbeat, 4, again).errorCode).toBe(ErrorCode.NONE)
    expect(lastIndex).toBeGreaterThan(10_050)
    expect(before?.length).toBeGreaterThan(100)
  })

  test("comes with a snapshot to a replica that the log no longer reaches", () => {
    const world = started(32)
    const node = coordinatorOf(world, group)
    const [away = 0, other = 0] = others(world, node)
    expect(commit(world, node, group, 1)).toBe(ErrorCode.NONE)
    world.crash(away)
    world.run(1_000)
    for (let offset = 2; offset <= 40; offset++) {
      expect(commit(world, node, group, offset)).toBe(ErrorCode.NONE)
    }
    for (const id of [node, other]) {
      const partition = partitionOf(world, id)
      // Behind the end, so that the state at an earlier entry has to be computed.
      expect(partition.cutTo(partition.raftGroup.appliedIndex - 5)).toBeGreaterThan(0)
    }
    world.run(1_000)
    world.start(away)
    world.run(5_000)
    expect(partitionOf(world, away).encode()).toEqual(partitionOf(world, node).encode())
    world.crash(node)
    world.crash(other, 1_000_000)
    world.start(other)
    world.run(5_000)
    for (const id of [away, other]) {
      const { errorCode, offset } = fetched(world, id, group)
      if (errorCode === ErrorCode.NONE) expect(offset).toBe(40)
      else expect(errorCode).toBe(ErrorCode.NOT_COORDINATOR)
    }
  })

  test("is the same bytes on every replica", () => {
    const world = started(33)
    const node = coordinatorOf(world, group)
    const member = joinAlone(world, node, group)
    for (let offset = 0; offset < 10; offset++) commit(world, node, group, offset, member)
    world.run(2_000)
    const [first, ...rest] = world.brokers.map(({ id }) => partitionOf(world, id).encode())
    for (const state of rest) expect(state).toEqual(first)
  })

  test("is written compressed where offsets.topic.compression.codec says so", () => {
    const sizes = (["none", "gzip"] as const).map((offsetsTopicCompression) => {
      const world = started(34, { settings: { offsetsTopicCompression } })
      const node = coordinatorOf(world, group)
      expect(commit(world, node, group, 3)).toBe(ErrorCode.NONE)
      world.run(500)
      const batches = partitionOf(world, node).read(0, 1 << 20, true).batches
      expect(fetched(world, node, group).offset).toBe(3)
      return batches.map((batch) => batch[22])
    })
    expect(sizes).toEqual([[0], [1]])
  })

  test("goes with a topic that is deleted, also when the coordinator dies in between", () => {
    const world = started(35)
    const node = coordinatorOf(world, group)
    expect(commit(world, node, group, 9)).toBe(ErrorCode.NONE)
    const [ask = 0] = others(world, node)
    world.pause(node)
    const { image } = world.node(ask)
    const topicId = image.topics.get(topic)?.id ?? ""
    const gone = { topics: [{ name: null, topicId }], timeoutMs: 3000 }
    expect(world.call(ask, deleteTopics, 6, gone).responses[0]?.errorCode).toBe(0)
    world.crash(node)
    createTopic(world, topic, { partitions: 3, at: ask })
    untilLed(world, topic)
    const next = newCoordinator(world, node)
    world.runUntil(() => fetched(world, next, group).offset === -1, 5_000, "no offset", 50)
  })
})

test("clients may read what coordinators write, and write nothing", () => {
  const world = started(41)
  const node = coordinatorOf(world, group)
  expect(produceTo(world, node, consumerOffsetsTopic, ["x"]).errorCode).toBe(
    ErrorCode.INVALID_TOPIC_EXCEPTION,
  )
})
