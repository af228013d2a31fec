import { describe, expect, test } from "bun:test"
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
} from "../../../src/coordinator/consumer/embedded-protocol.ts"
import { inListingOrder } from "../../../src/coordinator/consumer/member-order.ts"
import { metadataHash } from "../../../src/coordinator/consumer/metadata-hash.ts"
import { FakeTopics } from "../world.ts"
import { encodeSubscription } from "./fake-clients.ts"

describe("what consumers of the classic protocol hand through", () => {
  test("a subscription of each version, and of later ones", () => {
    const v1 = Buffer.from(
      "000100000001000174ffffffff00000001000174000000020000000000000002",
      "hex",
    )
    expect(decodeSubscription(v1)).toEqual({
      version: 1,
      topics: ["t"],
      owned: [{ topic: "t", partitions: [0, 2] }],
      generationId: -1,
      rackId: null,
    })
    const v3 = encodeSubscription(["t", "u"])
    expect(decodeSubscription(v3)).toMatchObject({ version: 3, topics: ["t", "u"], rackId: null })
    const v9 = Buffer.concat([Buffer.from([0, 9]), v3.subarray(2), Buffer.from("more")])
    expect(decodeSubscription(v9)).toMatchObject({ version: 3, topics: ["t", "u"] })
  })

  test("what is none", () => {
    expect(decodeSubscription(Buffer.from("?"))).toBeUndefined()
    expect(decodeSubscription(Buffer.from("ffff00000000", "hex"))).toBeUndefined()
    expect(decodeSubscription(Buffer.from("00007fffffff", "hex"))).toBeUndefined()
    expect(decodeAssignment(Buffer.from("0000000000", "hex"))).toBeUndefined()
  })

  test("an assignment there and back", () => {
    const partitions = [{ topic: "t", partitions: [2, 0] }]
    const decoded = decodeAssignment(encodeAssignment(1, partitions))
    expect(decoded?.partitions).toEqual(partitions)
    expect(decoded?.userData).toHaveLength(0)
  })
})

test("members are listed in the order of Kafka's table", () => {
  expect(inListingOrder(["AAAAAAAAAAAAAAAAAAAAAQ", "ljqvHOhpS_aKh8dbSAP6dA"])).toEqual([
    "ljqvHOhpS_aKh8dbSAP6dA",
    "AAAAAAAAAAAAAAAAAAAAAQ",
  ])
  const ids = Array.from({ length: 12 }, (_, at) => `member-${at * 7}-x`)
  const places = inListingOrder(ids).map((id) => ids.indexOf(id))
  expect(places).toEqual([2, 3, 0, 7, 9, 8, 10, 4, 1, 5, 6, 11])
})

test("the metadata hash tells topics, ids and partitions apart, and nothing else", () => {
  const topics = new FakeTopics()
  topics.create("a", 1)
  topics.create("b", 2)
  const one = metadataHash(["a"], topics)
  expect(metadataHash([], topics)).toBe(0)
  expect(metadataHash(["none"], topics)).toBe(0)
  expect(metadataHash(["b", "a"], topics)).toBe(metadataHash(["a", "b"], topics))
  expect(metadataHash(["a", "b"], topics)).not.toBe(one)
  topics.create("c")
  expect(metadataHash(["a"], topics)).toBe(one)
  topics.grow("a", 2)
  const grown = metadataHash(["a"], topics)
  expect(grown).not.toBe(one)
  expect(Number.isSafeInteger(grown)).toBe(true)
  topics.create("a", 1)
  expect(metadataHash(["a"], topics)).not.toBe(one)
})
