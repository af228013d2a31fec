import { afterEach, describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import type { ForeignPorts } from "../../../src/chaos/drivers/foreign-client.ts"
import { ForeignConsumer } from "../../../src/chaos/drivers/foreign-consumer.ts"
import { ForeignProducer } from "../../../src/chaos/drivers/foreign-producer.ts"
import { KcatOutput } from "../../../src/chaos/drivers/kcat-consumer.ts"
import { valueOf } from "../../../src/chaos/history/values.ts"
import { until } from "../../../scripts/harness/until.ts"
import { begun, record, ref, topic, World } from "./raw-fixture.ts"

/** Clients in other processes, here shells of a few lines. */

const open: Array<{ dispose(): Promise<void> }> = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.dispose()))
})

const world = () => new World(() => ({}))

function portsOf({ ports }: World, said: Array<string> = []): ForeignPorts {
  return {
    ...ports,
    bootstrap: ["127.0.0.1:1"],
    wards: { add: () => undefined, remove: () => undefined },
    sessionIds: { next: -2 },
    log: (line) => void said.push(line),
  }
}

/** Takes lines, and does with each what is said; `$n` is the number of the record. */
const shell = (forEach: string) => [
  "/bin/sh",
  "-c",
  `echo '{"is":"ready"}'; while read -r line; do n=\${line#*'"n":'}; n=\${n%%,*}; ${forEach}; done`,
]

function producer(own: World, forEach: string, isIdempotent: boolean, said?: Array<string>) {
  const identity = { name: "fake-producer-0", command: shell(forEach), topics: [topic] }
  const made = new ForeignProducer(identity, portsOf(own, said), isIdempotent)
  open.push(made)
  return made
}

const ok = `echo "{\\"is\\":\\"ok\\",\\"n\\":$n,\\"session\\":0,\\"offset\\":$((n + 7))}"`
const all = (own: World) =>
  until("answers", () => own.appends.every(({ outcome }) => outcome !== "pending"), { everyMs: 2 })

describe("a foreign producer", () => {
  test("is told each record after its invocation was recorded, and ends with its answer", async () => {
    const own = world()
    const client = producer(own, ok, true)
    await begun(() => client.produce(ref, [record]))
    client.produce(ref, [record])
    await all(own)
    const seen = own.appends.map(({ process, outcome, offset, producer: key, values }) => {
      return { process, outcome, offset, key, values }
    })
    expect(seen).toEqual([
      {
        process: "fake-producer-0.0",
        outcome: "ok",
        offset: 7,
        key: { id: -2, epoch: 0, baseSequence: 0 },
        values: ["run.fake-producer-0.0.0"],
      },
      {
        process: "fake-producer-0.0",
        outcome: "ok",
        offset: 8,
        key: { id: -2, epoch: 0, baseSequence: 1 },
        values: ["run.fake-producer-0.0.1"],
      },
    ])
  })

  test("without idempotence may double its records", async () => {
    const own = world()
    const client = producer(own, ok, false)
    await begun(() => client.produce(ref, [record]))
    await all(own)
    expect(own.appends[0]).toMatchObject({ producer: null, duplicates: "allowed", outcome: "ok" })
  })

  test("may not have been told where an acknowledged record is", async () => {
    const own = world()
    const acknowledged = `echo "{\\"is\\":\\"ok\\",\\"n\\":$n,\\"session\\":0,\\"offset\\":null}"`
    const client = producer(own, acknowledged, true)
    await begun(() => client.produce(ref, [record]))
    await all(own)
    expect(own.appends[0]).toMatchObject({ outcome: "ok", offset: -1 })
  })

  test("does not know what became of a record whose error may be late", async () => {
    const own = world()
    const unknown = `echo "{\\"is\\":\\"unknown\\",\\"n\\":$n,\\"session\\":0,\\"error\\":\\"e\\"}"`
    const client = producer(own, unknown, true)
    await begun(() => client.produce(ref, [record]))
    await all(own)
    client.produce(ref, [record])
    await all(own)
    expect(own.appends.map(({ outcome }) => outcome)).toEqual(["info", "info"])
    expect(own.appends.map(({ process }) => process)).toEqual([
      "fake-producer-0.0",
      "fake-producer-0.1",
    ])
  })

  test("that ends leaves its records unknown, and is begun again under another name", async () => {
    const own = world()
    const said: Array<string> = []
    const client = producer(own, "exit 3", true, said)
    await begun(() => client.produce(ref, [record]))
    await all(own)
    expect(own.appends[0]).toMatchObject({ outcome: "info", error: "PROCESS_ENDED" })
    expect(said.join()).toContain("fake-producer-0 ended: exit code 3")
    await begun(() => client.produce(ref, [record]))
    expect(own.appends[1]?.process).toBe("fake-producer-0.1")
  })

  test("takes a bounded number of records, and stands still while it is paused", async () => {
    const own = world()
    const client = producer(own, ok, true)
    await begun(() => client.produce(ref, [record]))
    await all(own)
    client.control.pause()
    let taken = 0
    while (client.produce(ref, [record])) taken++
    expect(taken).toBe(300)
    expect(client.outstanding).toBe(300)
    client.control.resume()
    await all(own)
    expect(client.control.operations).toBe(301)
  })
})

describe("a foreign consumer", () => {
  test("is asked, and what it answers are polls", async () => {
    const own = world()
    const value = Buffer.from(valueOf("some.0", 30)).toString("base64")
    const batch = `{"topic":"t","partition":1,"from":-1,"highWatermark":-1,"records":[[4,"${value}"]]}`
    const answer = `echo '{"is":"polled","batches":[${batch}]}'`
    const identity = { name: "fake-consumer-0", command: shell(answer), topics: [topic] }
    const consumer = new ForeignConsumer(identity, portsOf(own), false)
    open.push(consumer)
    consumer.start()
    await until("a poll", () => own.polls.length > 0)
    expect(own.polls[0]).toMatchObject({
      process: "fake-consumer-0.0",
      partition: "t#abcdef12/1",
      from: -1,
      highWatermark: -1,
      records: [[4, "some.0", -1]],
      outcome: "ok",
    })
    expect(own.saw).toBeGreaterThan(0)
  })
})

describe("what kcat prints", () => {
  const printed = fc.record({
    partition: fc.nat(63),
    offset: fc.nat(1e9),
    value: fc.uint8Array({ maxLength: 40 }),
  })

  test("is cut into the same records however it comes", () => {
    fc.assert(
      fc.property(fc.array(printed), fc.array(fc.nat(30)), (records, cuts) => {
        const bytes = Buffer.concat(
          records.map(({ partition, offset, value }) =>
            Buffer.concat([
              Buffer.from(`${partition} ${offset} ${value.length}\n`),
              value,
              Buffer.from("\n"),
            ]),
          ),
        )
        const output = new KcatOutput()
        const seen: Array<unknown> = []
        let at = 0
        for (const cut of [...cuts, bytes.length]) {
          for (const one of output.push(bytes.subarray(at, at + cut))) {
            seen.push({ ...one, value: new Uint8Array(one.value) })
          }
          at += cut
        }
        expect(seen).toEqual(records)
      }),
    )
  })

  test("and refused when it is something else", () => {
    expect(() => [...new KcatOutput().push(Buffer.from("% Auto-selecting\n"))]).toThrow("kcat")
  })
})
