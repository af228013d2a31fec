import { describe, expect, test } from "bun:test"
import { coordinatorError } from "../../../src/node/coordination/append-errors.ts"
import { groupsInOrder } from "../../../src/node/coordination/group-order.ts"
import { uniqueIds } from "../../../src/node/coordination/unique-ids.ts"
import { ErrorCode } from "../../../src/protocol/error-codes.ts"
import { uuidFromBase64 } from "../../../src/protocol/uuid.ts"

describe("ids of members", () => {
  test("are 16 bytes, never twice, and other ones in every process", () => {
    const seen = new Set<string>()
    for (const incarnation of ["a".repeat(32), "b".repeat(32)]) {
      const next = uniqueIds(7, incarnation)
      for (let i = 0; i < 1000; i++) seen.add(next())
    }
    expect(seen.size).toBe(2000)
    for (const id of seen) {
      const bytes = uuidFromBase64(id)
      expect(bytes).toBeDefined()
      // Four generators, none of which repeats another.
      expect(new Set(bytes?.match(/.{8}/g)).size).toBe(4)
    }
  })

  test("are the same for the same process", () => {
    expect(uniqueIds(7, "c".repeat(32))()).toBe(uniqueIds(7, "c".repeat(32))())
  })
})

describe("the order of answers for many groups", () => {
  /** As a Java program with a HashMap<TopicPartition, List<String>> printed them. */
  const inJava = [
    "514 0 919 838 757 676 595",
    "514 433 352 271 190 0 28 704 623 542 461 947 866 785 919 838 757 676 595 109",
  ].map((line) => line.split(" ").map((number) => `group-${number}`))

  test.each(inJava.map((order) => ({ order })))(
    "is that of a java.util.HashMap of their partitions",
    ({ order: expected }) => {
      const asked = expected.map((_, i) => `group-${(i * 7919) % 1000}`)
      expect(groupsInOrder(asked, 50)).toEqual(expected)
    },
  )

  test("within a partition is that of the question", () => {
    expect(groupsInOrder(["join-9", "no-such-4"], 50)).toEqual(["join-9", "no-such-4"])
    expect(groupsInOrder(["no-such-4", "join-9"], 50)).toEqual(["no-such-4", "join-9"])
  })
})

test("what a failed append is called depends on whether another broker may know better", () => {
  expect(coordinatorError(ErrorCode.NONE)).toBe(ErrorCode.NONE)
  expect(coordinatorError(ErrorCode.NOT_LEADER_OR_FOLLOWER)).toBe(ErrorCode.NOT_COORDINATOR)
  expect(coordinatorError(ErrorCode.REQUEST_TIMED_OUT)).toBe(ErrorCode.NOT_COORDINATOR)
  expect(coordinatorError(ErrorCode.KAFKA_STORAGE_ERROR)).toBe(ErrorCode.NOT_COORDINATOR)
  const few = [ErrorCode.NOT_ENOUGH_REPLICAS, ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND]
  for (const code of few) expect(coordinatorError(code)).toBe(ErrorCode.COORDINATOR_NOT_AVAILABLE)
  expect(coordinatorError(ErrorCode.CORRUPT_MESSAGE)).toBe(ErrorCode.UNKNOWN_SERVER_ERROR)
})
