import { afterEach, describe, expect, test } from "bun:test"
import type { ProducerShape } from "../../../src/chaos/drivers/raw/producer-shape.ts"
import { RawProducerClient } from "../../../src/chaos/drivers/raw/producer-client.ts"
import { careless, deaf, persistent } from "../../../src/chaos/workloads/raw-crew.ts"
import { ErrorCode } from "../../../src/protocol/error-codes.ts"
import { until } from "../../../scripts/harness/until.ts"
import { batchOf, begun, other, produced, record, ref, World } from "./raw-fixture.ts"
import type { Asked, Scripted } from "./scripted-brokers.ts"

const open: Array<RawProducerClient> = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.dispose()))
})

const shape: ProducerShape = { ...persistent, repeatPercent: 0, requestTimeoutMs: 500 }

function client(world: World, own: ProducerShape = shape): RawProducerClient {
  const made = new RawProducerClient("raw-producer-0", world.ports, own)
  open.push(made)
  return made
}

/** Answers from a list, the last one for ever. */
function inTurn(...answers: ReadonlyArray<(asked: Asked) => Scripted | Promise<Scripted>>) {
  let at = 0
  return (asked: Asked) => {
    const answer = answers[Math.min(at++, answers.length - 1)]
    return answer?.(asked) ?? "lost"
  }
}

const lost = () => "lost" as const
const never = () => new Promise<never>(() => undefined)
const ended = (world: World, count = 1) =>
  until(
    "appends to end",
    () =>
      world.appends.length >= count && world.appends.every(({ outcome }) => outcome !== "pending"),
    { timeoutMs: 4000, everyMs: 2 },
  )

describe("a raw producer", () => {
  test("records an acknowledged batch with its offset, broker and attempts", async () => {
    const world = new World((asked) => produced(asked, 0, 17))
    const producer = client(world)
    await begun(() => producer.produce(ref, [record, record]))
    await ended(world)
    expect(world.appends[0]).toMatchObject({
      process: "raw-producer-0.0",
      outcome: "ok",
      offset: 17,
      node: 0,
      attempts: 1,
      acks: -1,
      partition: "t#abcdef12/0",
      producer: { id: 1000, epoch: 0, baseSequence: 0 },
      values: ["run.raw-producer-0.0.0", "run.raw-producer-0.0.1"],
    })
    expect(world.wrote).toEqual([2])
  })

  test("goes to the new leader with the same sequence numbers", async () => {
    const world = new World((asked) => {
      if (asked.node === 1) return produced(asked, 0, 3)
      world.leader = 1
      world.epoch = 6
      return produced(asked, ErrorCode.NOT_LEADER_OR_FOLLOWER)
    })
    const producer = client(world)
    await begun(() => producer.produce(ref, [record]))
    await ended(world)
    expect(world.appends[0]).toMatchObject({ outcome: "ok", node: 1, attempts: 2, offset: 3 })
    const sent = world.brokers.of("Produce").map(batchOf)
    expect(sent).toHaveLength(2)
    expect(new Set(sent.map(({ baseSequence, crc }) => `${baseSequence} ${crc}`)).size).toBe(1)
  })

  test("tries again what was lost, without saying that it failed", async () => {
    const world = new World(inTurn(lost, lost, (asked) => produced(asked, 0, 1)))
    const producer = client(world)
    await begun(() => producer.produce(ref, [record]))
    await ended(world)
    expect(world.appends[0]).toMatchObject({ outcome: "ok", attempts: 3 })
  })

  test("never has more than five batches of a partition on their way", async () => {
    const world = new World(never)
    const producer = client(world)
    await begun(() => producer.produce(ref, [record]))
    const taken = Array.from({ length: 8 }, () => producer.produce(ref, [record]))
    expect(taken.filter(Boolean)).toHaveLength(4)
    expect(producer.produce(other, [record])).toBe(true)
    await until("all to be sent", () => world.brokers.of("Produce").length === 6)
    const sequences = world.brokers.of("Produce").map((asked) => batchOf(asked).baseSequence)
    expect(sequences.toSorted((a, b) => a - b)).toEqual([0, 0, 1, 2, 3, 4])
    expect(sequences.filter((sequence) => sequence > 0)).toEqual([1, 2, 3, 4])
  })

  test("begins nothing that would push its oldest batch out of what brokers remember", async () => {
    let answers = 0
    const world = new World((asked) =>
      batchOf(asked).baseSequence === 0 ? never() : produced(asked, 0, ++answers),
    )
    const producer = client(world)
    await begun(() => producer.produce(ref, [record]))
    for (let i = 0; i < 4; i++) expect(producer.produce(ref, [record])).toBe(true)
    await until("later ones to be acknowledged", () => answers === 4 && producer.outstanding === 1)
    expect(producer.produce(ref, [record])).toBe(false)
  })

  const hasty = { ...shape, deliveryTimeoutMs: 700, bumpsEpoch: true }

  test("gives up what was sent as unknown, and goes on in the next epoch", async () => {
    const world = new World(lost)
    const producer = client(world, hasty)
    await begun(() => producer.produce(ref, [record]))
    await ended(world)
    expect(world.appends[0]).toMatchObject({ outcome: "info", error: "GIVEN_UP" })
    world.brokers.script = (asked) => produced(asked, 0, 2)
    expect(producer.produce(ref, [record])).toBe(true)
    await ended(world, 2)
    expect(world.appends[1]).toMatchObject({
      process: "raw-producer-0.1",
      outcome: "ok",
      producer: { id: 1000, epoch: 1, baseSequence: 0 },
    })
  })

  test("gives up what never left as failed", async () => {
    const world = new World(never)
    world.leader = 1
    world.brokers.down.add(1)
    const producer = client(world, hasty)
    await begun(() => producer.produce(ref, [record]))
    await ended(world)
    expect(world.appends[0]).toMatchObject({ outcome: "fail", error: "GIVEN_UP" })
    expect(world.brokers.of("Produce")).toEqual([])
  })

  test("without idempotence an unknown outcome is the end of a session, and counted sends", async () => {
    const world = new World(
      inTurn(
        () => "lost",
        (asked) => produced(asked, 0, 4),
      ),
    )
    const producer = client(world, { ...careless, retriesUnknown: false })
    await begun(() => producer.produce(ref, [record]))
    await ended(world)
    expect(world.appends[0]).toMatchObject({ outcome: "info", producer: null, acks: 1 })
    await begun(() => producer.produce(ref, [record]))
    await ended(world, 2)
    expect(world.appends[1]).toMatchObject({ process: "raw-producer-0.1", outcome: "ok" })
    expect(world.wrote).toEqual([])
  })

  test("acks=0 says only that it was sent", async () => {
    const world = new World(never)
    const producer = client(world, deaf)
    await begun(() => producer.produce(ref, [record]))
    await ended(world)
    expect(world.appends[0]).toMatchObject({ outcome: "ok", acks: 0, offset: -1 })
  })

  test("out of order: of a later batch to be tried again, of the first one the end", async () => {
    const world = new World((asked) => {
      const { baseSequence } = batchOf(asked)
      if (baseSequence === 0) return Bun.sleep(30).then(() => produced(asked, 0, 0))
      return world.appends[0]?.outcome === "ok"
        ? produced(asked, 0, 1)
        : produced(asked, ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    })
    const producer = client(world)
    await begun(() => producer.produce(ref, [record]))
    producer.produce(ref, [record])
    await ended(world, 2)
    expect(world.appends.map(({ outcome }) => outcome)).toEqual(["ok", "ok"])

    const strict = new World((asked) => produced(asked, ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER))
    const refused = client(strict)
    await begun(() => refused.produce(ref, [record]))
    await ended(strict)
    expect(strict.appends[0]).toMatchObject({
      outcome: "fail",
      error: "OUT_OF_ORDER_SEQUENCE_NUMBER",
    })
  })

  test("an error that nobody knows means an unknown outcome", async () => {
    const world = new World((asked) => produced(asked, 4242))
    const producer = client(world, { ...shape, deliveryTimeoutMs: 700 })
    await begun(() => producer.produce(ref, [record]))
    await ended(world)
    expect(world.appends[0]).toMatchObject({ outcome: "info" })
  })

  test("what is sent once more must be answered with its first place", async () => {
    const repeating = { ...shape, repeatPercent: 100 }
    const same = new World((asked) => produced(asked, 0, 9))
    const honest = client(same, repeating)
    await begun(() => honest.produce(ref, [record]))
    await ended(same)
    expect(same.appends[0]).toMatchObject({ outcome: "ok", offset: 9, attempts: 2, error: "" })
    expect(same.wrote).toEqual([1])

    let offset = 9
    const moving = new World((asked) => produced(asked, 0, offset++))
    const fooled = client(moving, repeating)
    await begun(() => fooled.produce(ref, [record]))
    await ended(moving)
    expect(moving.appends[0]).toMatchObject({ outcome: "ok", offset: 10, error: "FIRST_AT_9" })
  })

  test("what was acknowledged stays so when its repetition is lost", async () => {
    const world = new World(inTurn((asked) => produced(asked, 0, 9), never))
    const producer = client(world, { ...shape, repeatPercent: 100 })
    await begun(() => producer.produce(ref, [record]))
    await until("it to be repeated", () => world.brokers.of("Produce").length === 2)
    await producer.dispose()
    expect(world.appends[0]).toMatchObject({ outcome: "ok", offset: 9 })
  })

  test("begets: the successor has the next epoch, and the zombie sends on and is refused", async () => {
    let offset = 0
    const world = new World((asked) => {
      const { producerEpoch } = batchOf(asked)
      if (producerEpoch === 1) return produced(asked, 0, offset++)
      return offset === 0
        ? produced(asked, 0, 100)
        : produced(asked, ErrorCode.INVALID_PRODUCER_EPOCH)
    })
    const producer = client(world)
    await begun(() => producer.produce(ref, [record]))
    await ended(world)
    await producer.control.beget?.()
    expect(producer.control.successors).toBe(1)
    producer.produce(ref, [record])
    await ended(world, 3)
    producer.produce(ref, [record])
    await ended(world, 5)
    const seen = world.appends.slice(1).map(({ process, outcome, producer: key, error }) => {
      return [process, key?.epoch, outcome, error]
    })
    expect(seen.filter(([, epoch]) => epoch === 1).map(([, , outcome]) => outcome)).toEqual([
      "ok",
      "ok",
    ])
    expect(seen.at(-2)).toEqual(["raw-producer-0.0", 0, "fail", "INVALID_PRODUCER_EPOCH"])
    expect(new Set(seen.map(([process]) => process)).size).toBe(2)
  })

  test("stands still while it is paused", async () => {
    const world = new World((asked) => produced(asked, 0, 0))
    const producer = client(world)
    await begun(() => producer.produce(ref, [record]))
    await ended(world)
    const held = Promise.withResolvers<void>()
    world.brokers.script = (asked) => held.promise.then(() => produced(asked, 0, 1))
    producer.produce(ref, [record])
    producer.control.pause()
    expect(producer.produce(ref, [record])).toBe(false)
    held.resolve()
    await Bun.sleep(20)
    expect(world.appends[1]?.outcome).toBe("pending")
    producer.control.resume()
    await ended(world, 2)
    expect(world.appends[1]?.outcome).toBe("ok")
  })

  test("leaves nothing pending when it is disposed of", async () => {
    const world = new World(never)
    const producer = client(world)
    await begun(() => producer.produce(ref, [record]))
    await until("it to be sent", () => world.brokers.of("Produce").length === 1)
    await producer.dispose()
    expect(world.appends[0]).toMatchObject({ outcome: "info", error: "ABANDONED" })
  })
})
