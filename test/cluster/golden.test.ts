/**
 * The questions that were put to Apache Kafka 4.3.1 (test/golden), put to the controller in the
 * same order on a cluster of three brokers. CreateTopics and CreatePartitions must give Kafka's
 * answer byte for byte.
 *
 * Two freedoms: new topic ids are drawn from the recording, so that later questions find them; and
 * the results of DeleteTopics are compared as a set, because Kafka shuffles them on purpose.
 */
import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { createPartitions } from "../../src/cluster/create-partitions.ts"
import { createTopics } from "../../src/cluster/create-topics.ts"
import { deleteTopics } from "../../src/cluster/delete-topics.ts"
import type { MetadataImage } from "../../src/cluster/image.ts"
import { decodeRequest, decodeResponse } from "../../src/protocol/codec.ts"
import {
  decodeRequestHeader,
  decodeResponseHeader,
  encodeResponseFrame,
} from "../../src/protocol/header.ts"
import { createPartitions as growApi } from "../../src/protocol/messages/create-partitions.ts"
import { createTopics as createTopicsApi } from "../../src/protocol/messages/create-topics.ts"
import { deleteTopics as deleteTopicsApi } from "../../src/protocol/messages/delete-topics.ts"
import { Reader } from "../../src/protocol/reader.ts"
import type { Api, RequestOf, ResponseInput, ResponseOf } from "../../src/protocol/schema.ts"
import { zeroUuid } from "../../src/protocol/uuid.ts"
import { ascending, clusterOf, commit, contextOf, topicRequest } from "./fixture.ts"

interface Exchange {
  readonly seq: number
  readonly version: number
  readonly note: string
  readonly requestHex: string
  readonly responseHex: string
}

const exchangesOf = (api: string): ReadonlyArray<Exchange> =>
  readFileSync(join(import.meta.dir, `../golden/${api}.jsonl`), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))

const requestOf = <A extends Api>(api: A, exchange: Exchange): RequestOf<A> => {
  const reader = new Reader(Buffer.from(exchange.requestHex, "hex"))
  decodeRequestHeader(reader)
  return decodeRequest(api, exchange.version, reader)
}

const recordedOf = <A extends Api>(api: A, exchange: Exchange): ResponseOf<A> => {
  const reader = new Reader(Buffer.from(exchange.responseHex, "hex"))
  decodeResponseHeader(api, exchange.version, reader)
  return decodeResponse(api, exchange.version, reader)
}

const correlationIdOf = (exchange: Exchange): number =>
  Buffer.from(exchange.responseHex, "hex").readInt32BE(0)

const encodedHex = <A extends Api>(
  api: A,
  exchange: Exchange,
  response: ResponseInput<A>,
): string => {
  const correlationId = correlationIdOf(exchange)
  const parts = encodeResponseFrame(api, exchange.version, correlationId, response)
  return Buffer.concat(parts).toString("hex", 4)
}

/** The answer as a client of that version reads it: what a failing test shows. */
const readBack = <A extends Api>(
  api: A,
  exchange: Exchange,
  response: ResponseInput<A>,
): ResponseOf<A> =>
  recordedOf(api, { ...exchange, responseHex: encodedHex(api, exchange, response) })

const idsOf = (exchange: Exchange): ReadonlyArray<string> =>
  recordedOf(createTopicsApi, exchange)
    .topics.map((topic) => topic.topicId)
    .filter((id) => id !== zeroUuid)

const drawing = (image: MetadataImage, ids: ReadonlyArray<string>) => {
  const context = contextOf(image)
  const left = [...ids]
  return { ...context, newUuid: () => left.shift() ?? context.newUuid() }
}

describe("what Kafka 4.3.1 answered, asked again in order", () => {
  let image = clusterOf(3)
  const offsetsTopicId = "01b6d7b90e784019bc2ca811beb17be1"

  for (const exchange of exchangesOf("CreateTopics")) {
    test(`CreateTopics v${exchange.version} ${exchange.seq}: ${exchange.note}`, () => {
      const request = requestOf(createTopicsApi, exchange)
      const decision = createTopics(image, request, drawing(image, idsOf(exchange)))
      expect(readBack(createTopicsApi, exchange, decision.response)).toEqual(
        recordedOf(createTopicsApi, exchange),
      )
      expect(encodedHex(createTopicsApi, exchange, decision.response)).toBe(exchange.responseHex)
      expect(decision.records.length).toBe(request.validateOnly ? 0 : decision.created.length)
      image = commit(image, decision.records)
    })
  }

  test("created topics are there as they were asked for", () => {
    const shape = (name: string) => image.topics.get(name)?.partitions.map((p) => p.replicas)
    expect(shape("ct-2-m")).toEqual([[2, 0]])
    expect(shape("led")).toEqual([
      [0, 1, 2],
      [0, 1, 2],
    ])
    expect(shape("ct-7")?.map((replicas) => ascending(replicas))).toEqual([
      [0, 1, 2],
      [0, 1, 2],
    ])
    expect(image.topics.get("few")?.configs.get("min.insync.replicas")).toBe("3")
    for (const absent of ["dry-7", "twice", "bad-5", "a b"]) {
      expect(image.topics.has(absent)).toBe(false)
    }
  })

  for (const exchange of exchangesOf("CreatePartitions")) {
    test(`CreatePartitions v${exchange.version} ${exchange.seq}: ${exchange.note}`, () => {
      const request = requestOf(growApi, exchange)
      const decision = createPartitions(image, request, contextOf(image))
      expect(readBack(growApi, exchange, decision.response)).toEqual(recordedOf(growApi, exchange))
      expect(encodedHex(growApi, exchange, decision.response)).toBe(exchange.responseHex)
      image = commit(image, decision.records)
    })
  }

  test("grown topics have the partitions", () => {
    expect(image.topics.get("ct-2")?.partitions.length).toBe(6)
    expect(image.topics.get("ct-3")?.partitions[2]?.replicas).toEqual([1, 2, 0])
  })

  test("the offsets topic is made, as asking for a coordinator makes it", () => {
    const request = topicRequest([{ name: "__consumer_offsets", numPartitions: 50 }])
    const decision = createTopics(image, request, drawing(image, [offsetsTopicId]))
    image = commit(image, decision.records)
    expect(image.topics.get("__consumer_offsets")?.internal).toBe(true)
  })

  for (const exchange of exchangesOf("DeleteTopics")) {
    test(`DeleteTopics v${exchange.version} ${exchange.seq}: ${exchange.note}`, () => {
      const request = requestOf(deleteTopicsApi, exchange)
      const decision = deleteTopics(image, request)
      const results = readBack(deleteTopicsApi, exchange, decision.response)
      const recorded = recordedOf(deleteTopicsApi, exchange)
      expect(results.responses.length).toBe(recorded.responses.length)
      expect(results.responses).toEqual(expect.arrayContaining([...recorded.responses]))
      expect(results.throttleTimeMs).toBe(recorded.throttleTimeMs)
      image = commit(image, decision.records)
    })
  }

  test("deleted topics are gone, and their groups", () => {
    for (const name of ["ct-2-m", "ct-7-m", "few", "__consumer_offsets"]) {
      expect(image.topics.has(name)).toBe(false)
    }
    const alive = [...image.topics.values()].flatMap((topic) => topic.partitions)
    expect(image.groups.size).toBe(alive.length)
  })
})
