import { describe, expect, test } from "bun:test"
import { Bindings } from "../../scripts/conformance/bindings.ts"
import { differencesBetween } from "../../scripts/conformance/differences.ts"
import type { Exchange } from "../../scripts/conformance/exchange.ts"
import { compared } from "../../scripts/conformance/freedoms.ts"
import { reasonsFor } from "../../scripts/conformance/known-differences.ts"
import { withProducerIds } from "../../scripts/conformance/record-batches.ts"
import { Replay } from "../../scripts/conformance/replay.ts"
import type { Answer, Respondent } from "../../scripts/conformance/respondent.ts"
import { alike, lineDifferences } from "../../scripts/java-tools/alike.ts"
import { buildBatch, readBatchHeader } from "../../src/protocol/index.ts"
import type { Api } from "../../src/protocol/index.ts"
import { apiVersions } from "../../src/protocol/messages/api-versions.ts"
import { heartbeat } from "../../src/protocol/messages/heartbeat.ts"
import { joinGroup } from "../../src/protocol/messages/join-group.ts"
import { metadata } from "../../src/protocol/messages/metadata.ts"

const uuid = (digit: string) => `c-${digit.repeat(8)}-aaaa-bbbb-cccc-${digit.repeat(12)}`

describe("ids that a cluster makes up", () => {
  test("are learned at the same place, put into questions and taken out of answers", () => {
    const bindings = new Bindings()
    const ours = { memberId: uuid("2"), members: [{ memberId: uuid("2") }] }
    bindings.learn({ memberId: uuid("1"), members: [{ memberId: uuid("1") }] }, ours)
    expect(bindings.toOurs({ memberId: uuid("1") })).toEqual({ memberId: uuid("2") })
    expect(bindings.toRecorded({ leader: uuid("2") })).toEqual({ leader: uuid("1") })
  })

  test("an old one in the place of a new one stays what it is", () => {
    const bindings = new Bindings()
    bindings.learn({ memberId: uuid("1") }, { memberId: uuid("2") })
    bindings.learn({ memberId: uuid("3") }, { memberId: uuid("2") })
    expect(bindings.toRecorded({ memberId: uuid("2") })).toEqual({ memberId: uuid("1") })
  })

  test("one made otherwise is not bound", () => {
    const bindings = new Bindings()
    bindings.learn({ memberId: "A".repeat(22) }, { memberId: uuid("2") })
    expect(bindings.toRecorded({ memberId: uuid("2") })).toEqual({ memberId: uuid("2") })
  })

  test("inside batches the CRC follows, unless it was wrong on purpose", () => {
    const record = { key: null, value: Buffer.from("v"), timestamp: 1 }
    const batch = buildBatch({
      records: [record],
      producerId: 7,
      producerEpoch: 0,
      baseSequence: 0,
    })
    const other = withProducerIds(batch, (id) => id + 1)
    expect(readBatchHeader(other)?.producerId).toBe(8)
    expect(withProducerIds(other, (id) => id - 1)).toEqual(Buffer.from(batch))
    const damaged = Buffer.from(batch)
    damaged.writeUInt8(damaged.readUInt8(17) ^ 1, 17)
    expect(withProducerIds(damaged, (id) => id + 1)).toEqual(damaged)
  })
})

const answer = (port: number, clusterId: string | null) => ({ brokers: [{ port }], clusterId })

describe("two answers", () => {
  test("differ in fields, each with its path", () => {
    const kafka = { topics: [{ errorCode: 3, name: null }] }
    const varve = { topics: [{ errorCode: 3, name: "" }] }
    expect(differencesBetween(kafka, varve)).toEqual([
      { path: "topics[0].name", kafka: null, varve: "" },
    ])
    expect(differencesBetween({ a: [1, 2] }, { a: [2, 1] }).length).toBe(2)
    expect(differencesBetween({ a: [1] }, { a: [] }).length).toBe(1)
  })

  test("are compared without what is free, and with its absence", () => {
    const question = { key: metadata.key, note: "" }
    const compare = (a: object, b: object) =>
      differencesBetween(compared(a, question), compared(b, question))
    expect(compare(answer(9092, "x"), answer(1234, "y"))).toEqual([])
    expect(compare(answer(9092, "x"), answer(-1, null)).length).toBe(2)
  })
})

const exchange = (seq: number, key: number, rest: Partial<Exchange>): Exchange => ({
  seq,
  key,
  version: 4,
  node: 0,
  note: "",
  response: "closed",
  requestHex: "",
  ...rest,
})

const known = (path: RegExp, note = /late/, key: number = heartbeat.key) => [
  { key, note, path, reason: "so it is" },
]

test("a difference needs a reason of its API, its note and its field", () => {
  const differences = [{ path: "errorCode", kafka: 0, varve: 1 }]
  const replayed = {
    exchange: exchange(1, heartbeat.key, { note: "late" }),
    api: heartbeat,
    offered: true,
    differences,
    words: { same: 0, other: 0 },
  }
  expect(reasonsFor(replayed, known(/errorCode/))?.length).toBe(1)
  expect(reasonsFor(replayed, known(/throttle/))).toBeUndefined()
  expect(reasonsFor(replayed, known(/errorCode/, /early/))).toBeUndefined()
  expect(reasonsFor(replayed, known(/errorCode/, /late/, joinGroup.key))).toBeUndefined()
})

const cluster = (said: Answer): Respondent => ({
  brokers: 1,
  ask: (_broker, api: Api) => Promise.resolve(api.key === apiVersions.key ? { apiKeys: [] } : said),
  rest: () => Promise.resolve(),
})

test("what is not offered must close the connection", async () => {
  // Heartbeat version 0 of the group `g`, member `m`.
  const requestHex = "000c0000000000000001670001670000000100016d"
  const asked = [exchange(1, heartbeat.key, { version: 0, requestHex })]
  const [closed] = await Replay.of(asked, cluster("closed"))
  expect(closed).toMatchObject({ offered: false, differences: [] })
  const [answered] = await Replay.of(asked, cluster({ errorCode: 0 }))
  expect(answered?.differences.length).toBe(1)
})

test("tools' outputs are alike but for ids, times and addresses", () => {
  expect(alike("anna-12345678-aaaa-bbbb-cccc-123456789012 at 127.0.0.1:9092")).toBe(
    alike("anna-87654321-dddd-eeee-ffff-210987654321 at 127.0.0.1:1234"),
  )
  expect(lineDifferences("a\nb\n", "b\nc\n")).toEqual(["- a", "+ c"])
  expect(lineDifferences("Replicas: 2,0,1", "Replicas: 0,1,2")).toEqual([])
  expect(lineDifferences("Replicas: 2,0", "Replicas: 2,1").length).toBe(2)
})
