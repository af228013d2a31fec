import { expect, test } from "bun:test"
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from "../../src/client/consumer-protocol.ts"

const hex = (...fields: ReadonlyArray<string>) => fields.join("")
const bytes = (...fields: ReadonlyArray<string>) => Buffer.from(hex(...fields), "hex")

const partitions = [
  { topic: "a", partition: 0 },
  { topic: "a", partition: 2 },
  { topic: "b", partition: 1 },
]

test("a subscription and an assignment survive the wire", () => {
  const subscription = { topics: ["a", "b"], ownedPartitions: partitions, generationId: 7 }
  expect(decodeSubscription(encodeSubscription(subscription))).toEqual(subscription)
  expect(decodeAssignment(encodeAssignment(partitions))).toEqual(partitions)
  expect(decodeAssignment(new Uint8Array(0))).toEqual([])
})

test("bytes as the Java consumer writes them", () => {
  // Version 0, one topic "t", no user data: what every client since 0.9 understands.
  const oldest = bytes("0000", "00000001", "000174", "ffffffff")
  expect(decodeSubscription(oldest)).toEqual({
    topics: ["t"],
    ownedPartitions: [],
    generationId: -1,
  })
  const assignment = hex("0000", "00000001", "000174", "00000002", "00000000", "00000003")
  expect(decodeAssignment(Buffer.from(`${assignment}ffffffff`, "hex"))).toEqual([
    { topic: "t", partition: 0 },
    { topic: "t", partition: 3 },
  ])
  expect(Buffer.from(encodeAssignment([{ topic: "t", partition: 3 }])).toString("hex")).toBe(
    hex("0000", "00000001", "000174", "00000001", "00000003", "ffffffff"),
  )
})

test("a length that is not there is an error, not an endless list", () => {
  expect(() => decodeAssignment(Buffer.from("00007fffffff", "hex"))).toThrow()
  expect(() => decodeSubscription(Buffer.from("0003", "hex"))).toThrow()
})
