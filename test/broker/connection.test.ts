import { expect, test } from "bun:test"
import { KafkaConnection } from "../../src/broker/connection.ts"
import type { ConnectionHost } from "../../src/broker/connection.ts"
import { defaultLimits, NodeUsage } from "../../src/broker/limits.ts"
import type { ConnectionLimits } from "../../src/broker/limits.ts"
import type { ClientRequest, RequestAnswer } from "../../src/node/node.ts"
import { servedVersion } from "../../src/node/advertised.ts"
import { ErrorCode } from "../../src/protocol/error-codes.ts"
import { encodeRequestFrame } from "../../src/protocol/header.ts"
import { apiVersions } from "../../src/protocol/messages/api-versions.ts"
import { fetch } from "../../src/protocol/messages/fetch.ts"
import { metadata } from "../../src/protocol/messages/metadata.ts"
import { produce } from "../../src/protocol/messages/produce.ts"

/** One connection whose socket and node are arrays. */
class Bench {
  readonly sent: Buffer[] = []
  readonly complaints: string[] = []
  readonly asked: Array<{ request: ClientRequest; answer: (answer: RequestAnswer) => void }> = []
  readonly cancelled: number[] = []
  readonly usage = new NodeUsage()
  readonly connection: KafkaConnection
  now = 1000
  saturated = false
  paused = false
  ended = false
  /** What the socket takes per write. */
  takes = Number.POSITIVE_INFINITY
  wantsRoom = false
  isGone = false

  constructor(limits: Partial<ConnectionLimits> = {}) {
    const isSaturated = () => this.saturated
    const host: ConnectionHost = {
      limits: { ...defaultLimits, ...limits },
      usage: this.usage,
      get saturated() {
        return isSaturated()
      },
      served: servedVersion,
      submit: (request, answer) => this.asked.push({ request, answer }),
      cancel: (token) => this.cancelled.push(token),
      nowMs: () => this.now,
      scheduleFlush: () => undefined,
      complain: (_, line) => this.complaints.push(line),
    }
    const socket = {
      write: (data: Uint8Array, offset = 0, length = data.length) => {
        const n = Math.min(this.takes, length)
        this.sent.push(Buffer.from(data.subarray(offset, offset + n)))
        return n
      },
      pause: () => (this.paused = true),
      resume: () => (this.paused = false),
      end: () => (this.ended = true),
    }
    this.connection = new KafkaConnection({ id: 1, host: "test" }, socket, host, {
      wantsFlush: () => undefined,
      wantsRoom: () => (this.wantsRoom = true),
      closed: () => (this.isGone = true),
    })
  }

  get ids(): ReadonlyArray<number> {
    const ids: number[] = []
    let rest = Buffer.concat(this.sent)
    while (rest.length >= 8) {
      ids.push(rest.readInt32BE(4))
      rest = rest.subarray(4 + rest.readInt32BE())
    }
    return ids
  }

  answerAll(): void {
    for (const { request, answer } of this.asked.splice(0)) {
      answer({ _tag: "response", response: emptyResponse(request.apiKey) })
    }
  }
}

function emptyResponse(apiKey: number): object {
  return apiKey === metadata.key ? { brokers: [], topics: [] } : { responses: [] }
}

const frame = (parts: ReadonlyArray<Uint8Array>) => Buffer.concat(parts)
const askMetadata = (correlationId: number) =>
  frame(
    encodeRequestFrame(metadata, { apiVersion: 4, correlationId, clientId: "t" }, { topics: null }),
  )
const askProduce = (correlationId: number, bytes = 0, acks = -1) =>
  frame(
    encodeRequestFrame(
      produce,
      { apiVersion: 9, correlationId, clientId: "t" },
      {
        acks,
        timeoutMs: 1,
        topicData: [{ name: "t", partitionData: [{ index: 0, records: new Uint8Array(bytes) }] }],
      },
    ),
  )
const askFetch = (correlationId: number) =>
  frame(
    encodeRequestFrame(
      fetch,
      { apiVersion: 11, correlationId, clientId: "t" },
      { maxWaitMs: 1, minBytes: 1 },
    ),
  )

test("requests reach the node as they come; answers go out in the order of the requests", () => {
  const bench = new Bench()
  bench.connection.data(Buffer.concat([askProduce(1), askMetadata(2), askProduce(3)]))
  expect(bench.asked.map(({ request }) => request.apiKey)).toEqual([0, 3, 0])
  const [first, second, third] = bench.asked
  third?.answer({ _tag: "response", response: { responses: [] } })
  second?.answer({ _tag: "response", response: { brokers: [], topics: [] } })
  bench.connection.flush()
  expect(bench.ids).toEqual([])
  first?.answer({ _tag: "response", response: { responses: [] } })
  bench.connection.flush()
  expect(bench.ids).toEqual([1, 2, 3])
  expect(bench.usage).toEqual({ requestBytes: 0, assemblingBytes: 0, unsentBytes: 0 })
})

test("a request cut anywhere is put together", () => {
  const bytes = Buffer.concat([askMetadata(1), askProduce(2, 100), askMetadata(3)])
  for (let at = 1; at < bytes.length; at += 3) {
    const bench = new Bench()
    bench.connection.data(bytes.subarray(0, at))
    bench.connection.data(bytes.subarray(at))
    expect(bench.asked.length).toBe(3)
    expect(bench.usage.assemblingBytes).toBe(0)
  }
})

test("acks=0 has no answer and holds nobody up", () => {
  const bench = new Bench()
  bench.connection.data(Buffer.concat([askProduce(1, 0, 0), askMetadata(2)]))
  bench.asked[1]?.answer({ _tag: "response", response: { brokers: [], topics: [] } })
  bench.asked[0]?.answer({ _tag: "none" })
  bench.connection.flush()
  expect(bench.ids).toEqual([2])
})

test("close: what was asked before is answered, what came after is not, and the reason is logged", () => {
  const bench = new Bench()
  bench.connection.data(Buffer.concat([askMetadata(1), askProduce(2, 0, 0), askMetadata(3)]))
  bench.asked[1]?.answer({ _tag: "close", reason: "acks=0 failed" })
  bench.asked[2]?.answer({ _tag: "response", response: { brokers: [], topics: [] } })
  bench.connection.flush()
  expect(bench.ended).toBe(false)
  bench.asked[0]?.answer({ _tag: "response", response: { brokers: [], topics: [] } })
  bench.connection.flush()
  expect(bench.ids).toEqual([1])
  expect(bench.ended).toBe(true)
  expect(bench.complaints).toEqual(["test: closed: acks=0 failed"])
})

test("an unknown ApiVersions version is answered in version 0 with error 35 and its own row", () => {
  const bench = new Bench()
  const ask = Buffer.from(
    encodeRequestFrame(apiVersions, { apiVersion: 0, correlationId: 7, clientId: null }, {})[0] ??
      [],
  )
  ask.writeInt16BE(99, 6)
  bench.connection.data(ask)
  bench.connection.flush()
  const answer = Buffer.concat(bench.sent)
  expect(answer.readInt32BE(4)).toBe(7)
  expect(answer.readInt16BE(8)).toBe(ErrorCode.UNSUPPORTED_VERSION)
  expect([answer.readInt32BE(10), answer.readInt16BE(14)]).toEqual([1, apiVersions.key])
  expect(bench.ended).toBe(false)
})

test("what is no request closes the connection with one line, after the answers before it", () => {
  const tooLong = Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0])
  const unknownApi = Buffer.from([0, 0, 0, 10, 0x7f, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff])
  const oldFetch = Buffer.from([0, 0, 0, 10, 0, 1, 0, 0, 0, 0, 0, 1, 0xff, 0xff])
  const cutBody = Buffer.from([0, 0, 0, 10, 0, 3, 0, 4, 0, 0, 0, 1, 0xff, 0xff])
  const cases: ReadonlyArray<readonly [Buffer, string]> = [
    [Buffer.from("160301020001000", "hex"), "a TLS hello"],
    [Buffer.from("GET / HTTP/1.1\r\n\r\n"), "an HTTP request"],
    [Buffer.from([0xff, 0xff, 0xff, 0xff]), "a frame of -1 bytes"],
    [tooLong, "a frame of 2147483647 bytes"],
    [Buffer.from([0, 0, 0, 3, 0, 0, 0]), "shorter than its header"],
    [unknownApi, "unknown API 32512"],
    [oldFetch, "Fetch has no version 0"],
    [cutBody, "Metadata v4:"],
  ]
  for (const [bytes, reason] of cases) {
    const bench = new Bench()
    bench.connection.data(askMetadata(1))
    bench.connection.data(Buffer.concat([bytes, askMetadata(2)]))
    expect(bench.ended).toBe(false)
    bench.answerAll()
    bench.connection.flush()
    expect([reason, bench.ids]).toEqual([reason, [1]])
    expect(bench.ended).toBe(true)
    expect(bench.complaints.length).toBe(1)
    expect(bench.complaints[0]).toContain(reason)
  }
})

test("requests in flight are bounded: the socket rests until there is room", () => {
  const bench = new Bench({ inFlightRequestsMax: 4 })
  bench.connection.data(Buffer.concat(Array.from({ length: 10 }, (_, i) => askMetadata(i))))
  expect(bench.asked.length).toBe(4)
  expect(bench.paused).toBe(true)
  bench.asked.shift()?.answer({ _tag: "response", response: { brokers: [], topics: [] } })
  bench.connection.flush()
  expect(bench.asked.length).toBe(4)
  while (bench.asked.length > 0) {
    bench.answerAll()
    bench.connection.flush()
  }
  expect(bench.ids).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect(bench.paused).toBe(false)
})

test("bytes in flight are bounded, but one request always goes, however large", () => {
  const bench = new Bench({ inFlightBytesMax: 1000 })
  bench.connection.data(Buffer.concat([askProduce(1, 5000), askProduce(2, 10), askProduce(3, 10)]))
  expect(bench.asked.length).toBe(1)
  bench.answerAll()
  bench.connection.flush()
  expect(bench.asked.length).toBe(2)
})

test("one Fetch at a time: each may bring as many bytes as a Fetch may", () => {
  const bench = new Bench()
  bench.connection.data(Buffer.concat([askFetch(1), askFetch(2), askMetadata(3)]))
  expect(bench.asked.length).toBe(1)
  bench.answerAll()
  bench.connection.flush()
  expect(bench.asked.map(({ request }) => request.apiKey)).toEqual([1, 3])
})

test("a peer that takes nothing is not read, and in the end closed", () => {
  const bench = new Bench({ unsentBytesMax: 200, stalledMs: 60_000 })
  bench.takes = 0
  for (let i = 0; i < 100; i++) {
    if (bench.paused) break
    bench.connection.data(askMetadata(i))
    bench.answerAll()
    bench.connection.flush()
  }
  expect(bench.paused).toBe(true)
  expect(bench.usage.unsentBytes).toBeLessThan(300)
  bench.now += 59_000
  bench.connection.sweep(bench.now)
  expect(bench.ended).toBe(false)
  bench.now += 2000
  bench.connection.sweep(bench.now)
  expect(bench.ended).toBe(true)
  expect(bench.complaints[0]).toContain("took none of")
  expect(bench.usage.unsentBytes).toBe(0)
})

test("a slow peer gets everything, a few bytes at a time", () => {
  const bench = new Bench()
  bench.takes = 3
  bench.connection.data(Buffer.concat([askMetadata(1), askMetadata(2)]))
  bench.answerAll()
  for (let i = 0; i < 100; i++) bench.connection.flush()
  expect(bench.ids).toEqual([1, 2])
  expect(bench.usage.unsentBytes).toBe(0)
})

test("while the log is behind, nobody's requests are taken; afterwards all are", () => {
  const bench = new Bench()
  bench.saturated = true
  bench.connection.data(askMetadata(1))
  expect([bench.asked.length, bench.paused, bench.wantsRoom]).toEqual([0, true, true])
  bench.saturated = false
  bench.connection.pump()
  expect([bench.asked.length, bench.paused]).toEqual([1, false])
})

test("requests that do not come to an end are counted over all connections and refused", () => {
  const bench = new Bench({ nodeRequestBytesMax: 1000 })
  const start = Buffer.alloc(900)
  start.writeInt32BE(1_000_000)
  bench.connection.data(start)
  expect([bench.ended, bench.usage.assemblingBytes]).toEqual([false, 900])
  bench.connection.data(Buffer.alloc(200))
  expect(bench.ended).toBe(true)
  expect(bench.usage.assemblingBytes).toBe(0)
})

test("a half-closed client still gets its answers, then the connection ends", () => {
  const bench = new Bench()
  bench.connection.data(askMetadata(1))
  bench.connection.end()
  expect(bench.ended).toBe(false)
  bench.answerAll()
  bench.connection.flush()
  expect([bench.ids, bench.ended, bench.complaints]).toEqual([[1], true, []])
})

test("an end in the middle of a request is said so", () => {
  const bench = new Bench()
  bench.connection.data(askMetadata(1).subarray(0, 10))
  bench.connection.end()
  expect(bench.ended).toBe(true)
  expect(bench.complaints[0]).toContain("ended in the middle of a request (10 bytes of it)")
})

test("a connection that goes away cancels what it waits for and gives back what it held", () => {
  const bench = new Bench()
  bench.connection.data(Buffer.concat([askProduce(1, 100), askProduce(2, 100)]))
  bench.connection.data(askProduce(3, 100).subarray(0, 50))
  expect(bench.usage.requestBytes).toBeGreaterThan(200)
  bench.connection.close()
  expect(bench.cancelled).toEqual([1, 2])
  expect(bench.isGone).toBe(true)
  expect(bench.usage).toEqual({ requestBytes: 0, assemblingBytes: 0, unsentBytes: 0 })
  bench.answerAll()
  expect(bench.sent).toEqual([])
})

test("an idle connection is closed, one that waits for an answer is not", () => {
  const idle = new Bench({ idleMs: 1000 })
  const waiting = new Bench({ idleMs: 1000 })
  waiting.connection.data(askFetch(1))
  for (const bench of [idle, waiting]) {
    bench.now += 1001
    bench.connection.sweep(bench.now)
  }
  expect([idle.ended, waiting.ended]).toEqual([true, false])
})
