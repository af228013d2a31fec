/**
 * Brokers that die, fall silent, come back, lose their disks: what clients see, and what must not
 * happen.
 */
import { describe, expect, test } from "bun:test"
import { ErrorCode } from "../../src/protocol/error-codes.ts"
import { createTopics } from "../../src/protocol/messages/create-topics.ts"
import { deleteTopics } from "../../src/protocol/messages/delete-topics.ts"
import { metadata } from "../../src/protocol/messages/metadata.ts"
import {
  askFetch,
  askProduce,
  createTopic,
  fetched,
  leaderOf,
  newProducerId,
  produced,
  produceRetrying,
  produceTo,
  readAll,
  untilLed,
} from "../support/clients.ts"
import { World } from "../support/world.ts"

const started = (seed: number, options: ConstructorParameters<typeof World>[0] = {}) =>
  new World({ ...options, seed }).startAll().untilReady()

const values = (world: World, at: number, topic: string) =>
  readAll(world, at, topic).records.map((record) => record.value)

describe("a leader dies", () => {
  test.each([1, 2, 3, 4, 5])(
    "writes resume within 2 s and nothing acknowledged is lost (seed %d)",
    (seed) => {
      const world = started(100 + seed)
      createTopic(world, "t", { partitions: 3 })
      const leader = leaderOf(world, "t")
      const acked: string[] = []
      for (let i = 0; i < 20; i++) {
        if (produceTo(world, leader, "t", [`v${i}`]).errorCode === 0) acked.push(`v${i}`)
      }
      expect(acked.length).toBe(20)
      world.crash(leader)
      const killedMs = world.nowMs
      const next = untilLed(world, "t")
      expect(next).not.toBe(leader)
      expect(produceTo(world, next, "t", ["after"])).toMatchObject({ errorCode: 0 })
      expect(world.nowMs - killedMs).toBeLessThan(2000)
      expect(values(world, next, "t")).toEqual([...acked, "after"])
    },
  )

  test("a silent leader (paused, links open) is replaced within 2 s", () => {
    const world = started(120)
    createTopic(world, "t")
    const leader = leaderOf(world, "t")
    produceTo(world, leader, "t", ["a"])
    world.pause(leader)
    const pausedMs = world.nowMs
    const other = (leader + 1) % 3
    world.runUntil(
      () => ![-1, leader].includes(leaderOf(world, "t", 0, other)),
      2000,
      "a new leader",
    )
    const next = leaderOf(world, "t", 0, other)
    expect(produceTo(world, next, "t", ["b"]).errorCode).toBe(0)
    expect(world.nowMs - pausedMs).toBeLessThan(2000)
    world.resume(leader)
    world.run(3000)
    expect(values(world, untilLed(world, "t"), "t")).toEqual(["a", "b"])
  })

  test("leadership comes back to the preferred broker when it has caught up", () => {
    const world = started(130)
    createTopic(world, "t", { partitions: 3 })
    const preferred = leaderOf(world, "t")
    world.crash(preferred)
    const next = untilLed(world, "t")
    produceTo(world, next, "t", ["a"])
    world.run(1000)
    world.start(preferred)
    world.runUntil(() => leaderOf(world, "t") === preferred, 10_000, "the preferred leader leads")
    expect(produceTo(world, preferred, "t", ["b"]).errorCode).toBe(0)
    expect(values(world, preferred, "t")).toEqual(["a", "b"])
  })

  test("an idle leader killed and back inside the detection time", () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const world = started(140 + seed)
      createTopic(world, "t")
      const leader = leaderOf(world, "t")
      produceTo(world, leader, "t", ["a"])
      world.runUntil(() => world.node(leader).status().partitions.quiesced === 1, 10_000, "quiet")
      const group = world.node(leader).image.topics.get("t")?.partitions[0]?.group ?? -1
      const others = world.brokers.filter(({ id }) => id !== leader)
      const term = others[0]!.node!.leaders.state(group).term
      world.crash(leader)
      world.run(30)
      world.start(leader)
      const deadMs = world.nowMs
      // Nobody goes on trusting the old process: groups are awake and its leadership is known to be
      // over.
      for (const { node } of others) {
        world.runUntil(
          () => {
            const state = node?.leaders.state(group)
            const over = state?.leader !== leader || state.term > term
            return over && node?.partition(group)?.raftGroup.node.quiesced === false
          },
          10,
          "the followers know",
        )
      }
      expect(produceRetrying(world, "t", ["b"])).toMatchObject({ errorCode: 0, baseOffset: 1 })
      expect(world.nowMs - deadMs).toBeLessThan(2000)
    }
  })
})

describe("an assigned leader", () => {
  test.each([1, 2, 3])("that cannot win is followed by the next candidate (seed %d)", (seed) => {
    const world = started(700 + seed, { nodes: 5 })
    const made = world.call(0, createTopics, 7, {
      topics: [
        {
          name: "t",
          numPartitions: -1,
          replicationFactor: -1,
          assignments: [{ partitionIndex: 0, brokerIds: [1, 2, 0, 3] }],
        },
      ],
      timeoutMs: 5000,
    })
    expect(made.topics[0]?.errorCode).toBe(0)
    world.run(100)
    // Broker 2 is next in line, and its requests for votes do not reach broker 3: two of four
    // votes.
    world.cut(2, 3)
    world.crash(1)
    const killedMs = world.nowMs
    world.runUntil(() => leaderOf(world, "t", 0, 0) === 0, 3000, "broker 0 leads")
    // Before anybody's own election timer (1.5 s at the least).
    expect(world.nowMs - killedMs).toBeLessThan(1200)
  })

  test.each([1, 2, 3, 4, 5, 6])(
    "of a new topic leads at once, also where others apply it late (seed %d)",
    (seed) => {
      const world = started(720 + seed, { latencyMs: [1, 25] })
      const beganMs = world.nowMs
      expect(createTopic(world, "t", { partitions: 12, at: seed % 3 })).toBe(0)
      expect(world.nowMs - beganMs).toBeLessThan(280)
    },
  )
})

describe("a starting broker", () => {
  test("does not say that a topic is unknown before it can know", () => {
    const world = started(740)
    createTopic(world, "t")
    world.crash(1)
    world.run(1000)
    world.start(1)
    expect(leaderOf(world, "t", 0, 1)).not.toBe(-1)
    const seen = world.call(1, metadata, 12, { topics: [{ name: "t" }] })
    expect(seen.topics[0]?.errorCode).toBe(0)
    expect(seen.brokers.length).toBe(3)
  })
})

describe("a minority", () => {
  test("refuses writes and serves nothing above what was committed", () => {
    const world = started(200)
    createTopic(world, "t", { configs: { "min.insync.replicas": "2" } })
    const leader = leaderOf(world, "t")
    produceTo(world, leader, "t", ["committed"])
    world.run(50)
    world.isolate(leader)
    const lone = askProduce(world, leader, "t", ["lost?"], { timeoutMs: 1500 })
    world.run(5000)
    expect(produced(lone)?.errorCode).not.toBe(0)
    const read = askFetch(world, leader, "t", 0)
    expect(fetched(read)?.records.map((r) => r.value)).toEqual(["committed"])
    const refused = askProduce(world, leader, "t", ["no"], { timeoutMs: 1000 })
    world.run(3000)
    expect([6, 7, 19]).toContain(produced(refused)?.errorCode ?? -1)
    const others = world.brokers.map(({ id }) => id).filter((id) => id !== leader)
    const next = leaderOf(world, "t", 0, others[0])
    expect(others).toContain(next)
    expect(produceTo(world, next, "t", ["new"]).errorCode).toBe(0)
    world.heal()
    world.run(5000)
    const all = values(world, untilLed(world, "t"), "t")
    expect(all).toEqual(["committed", "new"])
  })
})

describe("all brokers", () => {
  test.each([0, 1, 3])(
    "killed together and restarted: nothing acknowledged is missing (%d unsynced commits kept)",
    (keep) => {
      const world = started(300 + keep)
      createTopic(world, "t", { partitions: 2 })
      const leader = leaderOf(world, "t")
      const asked = Array.from({ length: 30 }, (_, i) => askProduce(world, leader, "t", [`v${i}`]))
      world.run(6)
      const acked = asked.flatMap((ask, i) => (produced(ask)?.errorCode === 0 ? [`v${i}`] : []))
      for (const { id } of world.brokers) world.crash(id, keep)
      world.run(500)
      const beganMs = world.nowMs
      world.startAll()
      world.untilReady(3000)
      // Assigned leaders campaign as soon as they are registered, long before anybody's timer.
      expect(world.nowMs - beganMs).toBeLessThan(450)
      const found = values(world, untilLed(world, "t"), "t")
      expect(found.slice(0, acked.length)).toEqual(acked)
      expect(found).toEqual(Array.from({ length: found.length }, (_, i) => `v${i}`))
    },
  )
})

describe("a leader is cut off, and does not know yet that it is deposed", () => {
  test("it refuses no sequence that the next leader waits for", () => {
    const world = started(450)
    createTopic(world, "t")
    const old = leaderOf(world, "t")
    const producerId = newProducerId(world, 0)
    const at = (baseSequence: number) => ({ producerId, producerEpoch: 0, baseSequence })
    expect(produceTo(world, old, "t", ["a"], at(0)).errorCode).toBe(0)
    world.isolate(old)
    const other = (old + 1) % 3
    const isLed = () => ![-1, old].includes(leaderOf(world, "t", 0, other))
    world.runUntil(isLed, 5000, "the next leader")
    const next = leaderOf(world, "t", 0, other)
    expect(produceTo(world, next, "t", ["b"], at(1)).errorCode).toBe(0)
    expect(leaderOf(world, "t", 0, old)).toBe(old)
    expect(produceTo(world, old, "t", ["c"], at(2)).errorCode).toBe(
      ErrorCode.NOT_LEADER_OR_FOLLOWER,
    )
    expect(produceTo(world, next, "t", ["c"], at(2)).errorCode).toBe(0)
    expect(values(world, next, "t")).toEqual(["a", "b", "c"])
  })
})

describe("the metadata leader dies", () => {
  test("a request that was forwarded to it is decided by the next one", () => {
    const world = started(500)
    const controller = world.node(0).status().metadata.leader
    const other = (controller + 1) % 3
    const asked = world.ask(other, createTopics, 7, {
      topics: [{ name: "t", numPartitions: 2, replicationFactor: 2 }],
      timeoutMs: 10_000,
    })
    world.crash(controller)
    world.runUntil(() => asked.answer !== undefined, 5000, "the answer")
    const { answer } = asked
    if (answer === undefined || answer === "none" || answer === "closed")
      throw new Error("no answer")
    expect(answer.topics[0]).toMatchObject({ name: "t", errorCode: 0, numPartitions: 2 })
    expect(untilLed(world, "t", 1)).not.toBe(controller)
  })

  test.each([1, 2, 3, 4, 5, 6])(
    "one that was deposed in its sleep refuses nothing from its old image (seed %d)",
    (seed) => {
      const world = started(520 + seed)
      createTopic(world, "t")
      const controller = world.node(0).status().metadata.leader
      const other = (controller + 1) % 3
      world.isolate(controller)
      world.pause(controller)
      world.runUntil(
        () => ![-1, controller].includes(world.node(other).status().metadata.leader),
        5000,
        "the next metadata leader",
      )
      world.call(other, deleteTopics, 6, { topics: [{ name: "t" }], timeoutMs: 10_000 })
      const asked = world.ask(controller, createTopics, 7, {
        topics: [{ name: "t", numPartitions: 1, replicationFactor: 3 }],
        timeoutMs: 10_000,
      })
      world.run(10)
      world.heal()
      world.resume(controller)
      world.runUntil(() => asked.answer !== undefined, 10_000, "the answer")
      expect(asked.answer).toMatchObject({ topics: [{ name: "t", errorCode: 0 }] })
    },
  )

  test("without any leader the request times out", () => {
    const world = started(510)
    world.crash(1)
    world.crash(2)
    world.run(1000)
    const asked = world.ask(0, createTopics, 7, {
      topics: [{ name: "t", numPartitions: 1, replicationFactor: 1 }],
      timeoutMs: 800,
    })
    world.run(1000)
    expect(asked.answer).toMatchObject({ topics: [{ name: "t", errorCode: 7 }] })
  })
})

describe("graceful stop", () => {
  test("leaderships are handed over before the broker goes", () => {
    const world = started(600)
    createTopic(world, "t", { partitions: 6 })
    world.run(100)
    const node = world.node(0)
    world.runUntil(() => node.shutdown(world.nowMs) === "done", 2000, "the handover")
    expect(node.status().partitions.led).toBe(0)
    world.crash(0)
    for (let partition = 0; partition < 6; partition++) {
      expect(leaderOf(world, "t", partition, 1)).not.toBe(-1)
    }
  })
})
