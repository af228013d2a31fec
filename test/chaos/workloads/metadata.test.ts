import { describe, expect, test } from "bun:test"
import { startRunClock } from "../../../src/chaos/clock.ts"
import { operationsOf } from "../../../src/chaos/history/history.ts"
import { MetadataAdmin, ownTopic } from "../../../src/chaos/workloads/metadata-admin.ts"
import { ConfigValues } from "../../../src/chaos/workloads/fresh-reads.ts"
import { MetadataNames } from "../../../src/chaos/workloads/metadata-names.ts"
import { adminOutcome, isOpen } from "../../../src/chaos/workloads/metadata-outcome.ts"
import { MetadataWatch } from "../../../src/chaos/workloads/metadata-watch.ts"
import { Prng } from "../../../raft/prng.ts"
import { ErrorCode } from "../../../src/protocol/error-codes.ts"
import { until } from "../../../scripts/harness/until.ts"
import { World } from "../drivers/raw-fixture.ts"
import type { Asked } from "../drivers/scripted-brokers.ts"

const answered = { _tag: "answer", connection: 3 } as const

describe("outcomes of an administrator's requests", () => {
  test.each([
    [ErrorCode.NONE, "ok", false],
    [ErrorCode.INVALID_REPLICATION_FACTOR, "fail", false],
    [ErrorCode.POLICY_VIOLATION, "fail", false],
    // The request may have been decided twice: the first time it was done.
    [ErrorCode.TOPIC_ALREADY_EXISTS, "info", false],
    [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "info", false],
    [ErrorCode.UNKNOWN_TOPIC_ID, "info", false],
    [ErrorCode.INVALID_PARTITIONS, "info", false],
    // Nobody knows, and it may still come.
    [ErrorCode.REQUEST_TIMED_OUT, "info", true],
    [ErrorCode.NOT_CONTROLLER, "info", true],
    [undefined, "info", true],
  ] as const)("%p is %s, and open %p", (code, outcome, open) => {
    const told = adminOutcome(answered, 1, code)
    expect(told).toMatchObject({ outcome, node: 1, connection: 3 })
    expect(isOpen(told, code)).toBe(open)
  })

  test("what was never sent has failed, what was not answered is unknown", () => {
    expect(adminOutcome({ _tag: "unsent", connection: 1 }, 0, undefined).outcome).toBe("fail")
    expect(adminOutcome({ _tag: "lost", connection: 1 }, 0, undefined).outcome).toBe("info")
  })
})

describe("names of topics", () => {
  test("are few, and no name has more than 2,000 operations", () => {
    const names = new MetadataNames("r")
    const chance = new Prng(1)
    const drawn = new Map<string, number>()
    for (let i = 0; i < 40_000; i++) {
      const name = names.draw(chance)
      drawn.set(name, (drawn.get(name) ?? 0) + 1)
    }
    expect(Math.max(...drawn.values())).toBeLessThanOrEqual(2000)
    expect(names.all.length).toBeLessThanOrEqual(20)
  })

  test("what brokers said of one is believed until another says otherwise", () => {
    const names = new MetadataNames("r")
    const [name = ""] = names.all
    names.learn([{ name, id: "a", partitions: [{ leader: 0, epoch: 1 }] }], [])
    expect(names.believed(name)).toEqual({ id: "a", partitions: 1 })
    names.learn([], [name])
    expect(names.believed(name)).toBeUndefined()
  })
})

async function run(answer: (asked: Asked) => object | "lost", enough: number) {
  const world = new World(answer)
  const ports = { ...world.ports, clock: startRunClock() }
  const names = new MetadataNames("r")
  const admin = new MetadataAdmin(0, ports, names, new ConfigValues())
  admin.start()
  const done = () => world.history.operations.filter(({ outcome }) => outcome !== "pending")
  await until("operations", () => done().length >= enough, { everyMs: 5, timeoutMs: 20_000 })
  await admin.stop()
  admin.close()
  return world.history.operations
}

describe("an administrator", () => {
  const created = { topics: [{ name: "x", topicId: "f".repeat(32), errorCode: 0 }] }

  test("has one operation at a time, and learns the id of what it made", async () => {
    const operations = await run(({ api }) => (api === "CreateTopics" ? created : "lost"), 8)
    for (const [i, operation] of operations.entries()) {
      const before = operations[i - 1]
      if (before !== undefined) expect(operation.invoked).toBeGreaterThan(before.returned)
    }
    const made = operationsOf(operations, "create").find(({ outcome }) => outcome === "ok")
    expect(made?.topicId).toBe("f".repeat(32))
  })

  test("goes on under another name when nobody knows what became of a request", async () => {
    const operations = await run(() => "lost", 6)
    const writes = operations.filter(({ f }) => f !== "describe")
    const names = writes.map(({ process }) => process)
    expect(new Set(names).size).toBe(names.length)
  })

  test("has a topic of its own for its reads", () => {
    expect(ownTopic("r", 0)).not.toBe(ownTopic("r", 1))
    expect(new MetadataNames("r").all).not.toContain(ownTopic("r", 0))
  })
})

describe("a watch on one broker", () => {
  test("tells what is there and what is missing, in the order of partitions", async () => {
    const world = new World(() => "lost")
    const names = new MetadataNames("r")
    const [there = "", missing = ""] = names.all
    world.brokers.script = () => ({
      topics: [
        {
          name: there,
          topicId: "a".repeat(32),
          errorCode: 0,
          partitions: [
            { partitionIndex: 1, leaderId: 2, leaderEpoch: 4 },
            { partitionIndex: 0, leaderId: 1, leaderEpoch: 3 },
          ],
        },
        { name: missing, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, partitions: [] },
      ],
    })
    await new MetadataWatch(2, world.ports, names).look()
    const [seen] = operationsOf(world.history.operations, "metadata")
    expect(seen).toMatchObject({
      node: 2,
      outcome: "ok",
      missing: [missing],
      topics: [
        {
          name: there,
          partitions: [
            { leader: 1, epoch: 3 },
            { leader: 2, epoch: 4 },
          ],
        },
      ],
    })
  })
})
