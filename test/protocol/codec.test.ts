/** The rules of Kafka's serialization one by one, on APIs that show them. */
import { describe, expect, test } from "bun:test"
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
} from "../../src/protocol/codec.ts"
import { DecodeError, EncodeError } from "../../src/protocol/errors.ts"
import { describeTopicPartitions } from "../../src/protocol/messages/describe-topic-partitions.ts"
import { fetch } from "../../src/protocol/messages/fetch.ts"
import { listOffsets } from "../../src/protocol/messages/list-offsets.ts"
import { metadata } from "../../src/protocol/messages/metadata.ts"
import { offsetCommit } from "../../src/protocol/messages/offset-commit.ts"
import { produce } from "../../src/protocol/messages/produce.ts"
import { Reader } from "../../src/protocol/reader.ts"
import type { Api, RequestInput, RequestOf, ResponseInput } from "../../src/protocol/schema.ts"
import { zeroUuid } from "../../src/protocol/uuid.ts"
import { Writer } from "../../src/protocol/writer.ts"

const requestHex = <A extends Api>(api: A, version: number, input: RequestInput<A>): string => {
  const writer = new Writer()
  encodeRequest(api, version, input, writer)
  return Buffer.from(writer.concat()).toString("hex")
}

const responseHex = <A extends Api>(api: A, version: number, input: ResponseInput<A>): string => {
  const writer = new Writer()
  encodeResponse(api, version, input, writer)
  return Buffer.from(writer.concat()).toString("hex")
}

const fromHex = <A extends Api>(api: A, version: number, hex: string): RequestOf<A> =>
  decodeRequest(api, version, new Reader(Buffer.from(hex.replaceAll(" ", ""), "hex")))

describe("fields and versions", () => {
  test("decoding gives every field, with its default where the version lacks it", () => {
    const request = fromHex(metadata, 1, "00000001 0001 61")
    expect<object>(request).toEqual({
      topics: [{ topicId: zeroUuid, name: "a" }],
      allowAutoTopicCreation: true,
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
    })
  })

  test("encoding takes defaults for what is left out", () => {
    expect(requestHex(metadata, 4, {})).toBe("0000000001")
    expect(requestHex(metadata, 4, { topics: null })).toBe("ffffffff01")
  })

  test("a field the version lacks: an ignorable one is left out, another is an error", () => {
    const topics = [{ partitions: [{ currentLeaderEpoch: 5 }] }]
    expect(requestHex(fetch, 4, { topics })).toBe(
      requestHex(fetch, 4, { topics: [{ partitions: [{}] }] }),
    )
    const strict = [{ partitions: [{ lastFetchedEpoch: 5 }] }]
    expect(() => requestHex(fetch, 4, { topics: strict })).toThrow(
      "this version has no lastFetchedEpoch",
    )
    expect(() => requestHex(fetch, 4, { replicaState: { replicaId: 3 } })).toThrow(EncodeError)
    expect(requestHex(fetch, 4, { replicaState: { replicaId: -1 } })).toBe(requestHex(fetch, 4, {}))
    expect(() => requestHex(fetch, 4, { forgottenTopicsData: [{}] })).toThrow(EncodeError)
  })

  test("null where the version does not allow it", () => {
    expect(() => requestHex(metadata, 0, { topics: null })).toThrow("topics must not be null")
    expect(() => fromHex(metadata, 0, "ffffffff")).toThrow("topics is null")
    expect(() => fromHex(metadata, 1, "00000001 ffff")).toThrow("name is null")
    expect(fromHex(metadata, 1, "ffffffff").topics).toBeNull()
    // Kafka takes any negative length for null.
    expect(fromHex(metadata, 1, "fffffffb").topics).toBeNull()
  })

  test("a version that was never declared", () => {
    expect(() => requestHex(metadata, 14, {})).toThrow("Metadata has no version 14")
    expect(() => fromHex(produce, 2, "")).toThrow(DecodeError)
    expect(() => fromHex(produce, -1, "")).toThrow(DecodeError)
  })
})

describe("flexible versions", () => {
  test("a nullable struct has a marker of its own", () => {
    const cursor = { topicName: "a", partitionIndex: 1 }
    const hex = requestHex(describeTopicPartitions, 0, { cursor })
    expect(hex).toBe("01000007d0 01 0261 00000001 00 00".replaceAll(" ", ""))
    expect(requestHex(describeTopicPartitions, 0, {})).toBe("01000007d0 ff 00".replaceAll(" ", ""))
    expect(fromHex(describeTopicPartitions, 0, hex).cursor).toEqual(cursor)
    expect(fromHex(describeTopicPartitions, 0, "01000007d0ff00").cursor).toBeNull()
  })

  test("tagged fields are left out at their default and in the order of their tags", () => {
    const partition = { partitionIndex: 1, records: null }
    const plain = responseHex(fetch, 12, { responses: [{ partitions: [partition] }] })
    const asDefault = { ...partition, divergingEpoch: { epoch: -1, endOffset: -1 } }
    expect(responseHex(fetch, 12, { responses: [{ partitions: [asDefault] }] })).toBe(plain)
    const led = {
      ...partition,
      currentLeader: { leaderId: 2, leaderEpoch: 7 },
      snapshotId: { epoch: 3 },
    }
    const hex = responseHex(fetch, 12, { responses: [{ partitions: [led] }] })
    expect(hex).toContain(
      "02 0109000000020000000700 020dffffffffffffffff0000000300".replaceAll(" ", ""),
    )
    const decoded = decodeResponse(fetch, 12, new Reader(Buffer.from(hex, "hex")))
    expect(decoded.responses[0]?.partitions[0]).toMatchObject(led)
  })

  test("tagged fields that nobody knows are passed over, whatever their order", () => {
    const known = fromHex(metadata, 9, "00 01 00 00 00")
    expect(fromHex(metadata, 9, "00 01 00 00 02 63 02 aabb 05 00")).toEqual(known)
    expect(() => fromHex(metadata, 9, "00 01 00 00 01 63 05 aabb")).toThrow(DecodeError)
  })

  test("a tagged field must be as long as it says", () => {
    const clusterId = "01 00 03 02 61 00"
    const head = "000001f4 00000001 00000064 00 00000000 ffffffff 01 01 01".replaceAll(" ", "")
    expect(() => fromHex(fetch, 15, head + clusterId)).toThrow("not as long as it says")
    const { clusterId: id } = fromHex(fetch, 15, `${head}01 00 02 02 61`)
    expect(id).toBe("a")
  })

  test("an int32 length becomes a varint, N + 1", () => {
    expect(requestHex(metadata, 8, { topics: [{ name: "a" }] })).toBe(
      "00000001 0001 61 010000".replaceAll(" ", ""),
    )
    expect(requestHex(metadata, 9, { topics: [{ name: "a" }] })).toBe(
      "02 0261 00 010000 00".replaceAll(" ", ""),
    )
  })
})

describe("malformed bytes", () => {
  test("bytes behind the message", () => {
    expect(() => fromHex(metadata, 4, "ffffffff0100")).toThrow("1 bytes after the message")
  })

  test("a count that the bytes cannot hold costs nothing", () => {
    expect(() => fromHex(metadata, 1, "7fffffff 0001 61")).toThrow(
      "an array of 2147483647 elements",
    )
    expect(() => fromHex(metadata, 9, "ffffffff0f 00")).toThrow(DecodeError)
  })

  test("no more elements than a limit, however many bytes there are", () => {
    const bytes = Buffer.alloc(4 + 2 * 50)
    bytes.writeInt32BE(50)
    const decodeWith = (elementsMax: number): unknown =>
      decodeRequest(metadata, 3, new Reader(bytes, { elementsMax }))
    expect(() => decodeWith(49)).toThrow("too many array elements")
    expect(() => decodeWith(50)).not.toThrow()
  })

  test("strings: too short, too long, not UTF-8", () => {
    expect(() => fromHex(metadata, 1, "00000001 0005 61")).toThrow(DecodeError)
    const long = Buffer.alloc(40_000, 97).toString("hex")
    expect(() => fromHex(metadata, 9, `02 c1b802 ${long} 00 01 00 00 00`)).toThrow("40000 bytes")
    expect(fromHex(metadata, 1, "00000001 0002 ff61").topics?.[0]?.name).toBe("\ufffda")
    expect(() => requestHex(metadata, 1, { topics: [{ name: "é".repeat(20_000) }] })).toThrow(
      EncodeError,
    )
  })

  test("the error names API and version", () => {
    expect(() => fromHex(metadata, 9, "")).toThrow(/^Metadata version 9: /)
  })
})

const offset = (hex: string): unknown =>
  fromHex(
    offsetCommit,
    2,
    `0001 67 ffffffff 0000 ffffffffffffffff 00000001 0001 74 00000001
    00000000 ${hex} ffff`.replaceAll(/\s/g, ""),
  ).topics[0]?.partitions[0]?.committedOffset

describe("int64", () => {
  test("exact numbers, and Long.MAX_VALUE as 2^63", () => {
    expect(offset("001fffffffffffff")).toBe(Number.MAX_SAFE_INTEGER)
    expect(offset("ffe0000000000001")).toBe(Number.MIN_SAFE_INTEGER)
    expect(offset("1000000000000000")).toBe(2 ** 60)
    expect(offset("8000000000000000")).toBe(-(2 ** 63))
    expect(offset("7fffffffffffffff")).toBe(2 ** 63)
  })

  test("no others", () => {
    expect(() => offset("1000000000000001")).toThrow("an int64 without exact number")
    expect(() => offset("7ffffffffffffffe")).toThrow(DecodeError)
  })

  test("except in fields that are only compared: there they are rounded", () => {
    const hex = `ffffffff 00000001 0001 74 00000001 00000000 1000000000000001`
    const request = fromHex(listOffsets, 1, hex)
    expect(request.topics[0]?.partitions[0]?.timestamp).toBe(2 ** 60)
  })
})

const partition = (value: object): string =>
  requestHex(offsetCommit, 6, { topics: [{ partitions: [value] }] })

describe("numbers that do not fit", () => {
  test.each([
    { partitionIndex: 2 ** 31 },
    { partitionIndex: 1.5 },
    { partitionIndex: Number.NaN },
    { committedOffset: 2 ** 63 + 2048 },
    { committedOffset: 0.5 },
    { committedOffset: Number.POSITIVE_INFINITY },
    { committedLeaderEpoch: -(2 ** 31) - 1 },
  ])("%p", (value) => {
    expect(() => partition(value)).toThrow(EncodeError)
  })

  test("a uuid that is none", () => {
    for (const topicId of ["abc", "g".repeat(32), "0".repeat(33)]) {
      expect(() => requestHex(metadata, 12, { topics: [{ topicId, name: null }] })).toThrow(
        "not a uuid",
      )
    }
  })
})

const body = (records: Uint8Array | ReadonlyArray<Uint8Array> | null) => ({
  acks: -1,
  topicData: [{ name: "t", partitionData: [{ index: 0, records }] }],
})

const recordsOf = (hex: string): unknown =>
  fromHex(produce, 9, hex).topicData[0]?.partitionData[0]?.records

describe("records", () => {
  test("are not copied on the way out", () => {
    const one = Buffer.from("first batch")
    const two = Buffer.from("second batch")
    const writer = new Writer()
    encodeRequest(produce, 9, body([one, two]), writer)
    const { length } = writer
    const parts = writer.finish()
    expect(parts.includes(one)).toBe(true)
    expect(parts.includes(two)).toBe(true)
    expect(Buffer.concat(parts).length).toBe(length)
    expect(Buffer.concat(parts).toString("hex")).toBe(
      requestHex(produce, 9, body(Buffer.concat([one, two]))),
    )
  })

  test("are views on the frame on the way in", () => {
    const writer = new Writer()
    encodeRequest(produce, 9, body(Buffer.from("a batch")), writer)
    const frame = writer.concat()
    const decoded = decodeRequest(produce, 9, new Reader(frame))
    const records = decoded.topicData[0]?.partitionData[0]?.records
    expect(records?.buffer).toBe(frame.buffer)
    expect(Buffer.from(records ?? []).toString()).toBe("a batch")
  })

  test("none is not null", () => {
    expect(recordsOf(requestHex(produce, 9, body(null)))).toBeNull()
    expect(recordsOf(requestHex(produce, 9, body(new Uint8Array(0))))).toEqual(Buffer.alloc(0))
    expect(recordsOf(requestHex(produce, 9, body([])))).toEqual(Buffer.alloc(0))
  })
})
