/**
 * The records of `__consumer_offsets` against Kafka's own definitions (4.3.1), and their bytes.
 */
import { describe, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { decodeRecord, encodeRecord } from "../../src/coordinator/records/codec.ts"
import type { RecordTag } from "../../src/coordinator/records/codec.ts"
import { recordTypes } from "../../src/coordinator/records/schemas.ts"
import type { RecordType } from "../../src/coordinator/records/schemas.ts"
import type { Fields } from "../../src/protocol/schema.ts"
import { zeroUuid } from "../../src/protocol/uuid.ts"
import {
  declaredOutline,
  definedOutline,
  kafkaFolder,
  loadDefinition,
  versionRange,
} from "../support/kafka-definitions.ts"

const folder = "messages-coordinator"
const here = existsSync(join(kafkaFolder, folder))
if (!here) console.warn("skipped: Kafka's definitions (../shared/kafka) are not here")

const declared: ReadonlyArray<readonly [string, RecordType]> = Object.entries(recordTypes)
const ofKafka = declared.filter(([name]) => name !== "TopicsVersion")

/** Where a field is in every version, Kafka writes "0" and "0+" for the same. */
const outline = (fields: Fields): ReadonlyArray<string> => declaredOutline(fields, "")

describe.skipIf(!here)("declared as Kafka 4.3.1 defines them", () => {
  for (const [name, { type, key, value }] of ofKafka) {
    test(name, () => {
      const keyDefinition = loadDefinition(folder, `${name}Key`)
      const valueDefinition = loadDefinition(folder, `${name}Value`)
      expect(keyDefinition.apiKey).toBe(type)
      expect(valueDefinition.apiKey).toBe(type)
      expect(keyDefinition.flexibleVersions).toBe("none")
      const since = value.flexibleSince === undefined ? "none" : `${value.flexibleSince}+`
      expect(valueDefinition.flexibleVersions).toBe(since)
      expect(versionRange(valueDefinition.validVersions)).toEqual([...value.versions])
      expect(outline(key.request)).toEqual(definedOutline(keyDefinition))
      expect(outline(value.request)).toEqual(definedOutline(valueDefinition))
    })
  }
})

const hex = (bytes: Uint8Array | null) => bytes && Buffer.from(bytes).toString("hex")

describe("records as bytes", () => {
  test("an offset, as Kafka lays it out", () => {
    const committed = { offset: 5, leaderEpoch: 7, metadata: "m", commitTimestamp: 9 }
    const key = { group: "g", topic: "t", partition: 3 }
    const { key: keyBytes, value } = encodeRecord("OffsetCommit", key, committed)
    expect(hex(keyBytes)).toBe(["0001", "000167", "000174", "00000003"].join(""))
    // Without a topic id there is no tagged field.
    expect(hex(value)).toBe(
      ["0004", "0000000000000005", "00000007", "026d", "0000000000000009", "00"].join(""),
    )
    const topicId = "00112233445566778899aabbccddeeff"
    const tagged = encodeRecord("OffsetCommit", key, { ...committed, topicId })
    expect(hex(tagged.value)).toBe(
      ["0004", "0000000000000005", "00000007", "026d", "0000000000000009", "010010", topicId].join(
        "",
      ),
    )
    const older = encodeRecord("OffsetCommit", key, { ...committed, expireTimestamp: 11 }, 1)
    expect(hex(older.value)).toBe(
      ["0001", "0000000000000005", "00016d", "0000000000000009", "000000000000000b"].join(""),
    )
  })

  test("a tombstone has a key alone", () => {
    const record = encodeRecord("GroupMetadata", { group: "g" }, null)
    expect(record.value).toBeNull()
    expect(decodeRecord(record)).toEqual({
      _tag: "GroupMetadata",
      key: { group: "g" },
      value: null,
    })
  })

  test("every type comes back", () => {
    const groupId = "g"
    const memberId = "m"
    const topicId = "00112233445566778899aabbccddeeff"
    const some = { topicId, partitions: [0, 2] }
    const records = [
      encodeRecord("ConsumerGroupMetadata", { groupId }, { epoch: 3, metadataHash: 2 ** 40 }),
      encodeRecord("ConsumerGroupTargetAssignmentMetadata", { groupId }, { assignmentEpoch: 3 }),
      encodeRecord(
        "ConsumerGroupTargetAssignmentMember",
        { groupId, memberId },
        { topicPartitions: [some] },
      ),
      encodeRecord(
        "ConsumerGroupCurrentMemberAssignment",
        { groupId, memberId },
        { memberEpoch: 3, assignedPartitions: [{ ...some, assignmentEpochs: [1, 2] }] },
      ),
      encodeRecord(
        "ConsumerGroupRegularExpression",
        { groupId, regularExpression: "t.*" },
        { topics: ["t"], version: 8, timestamp: 9 },
      ),
    ]
    const decoded = records.map((record) => decodeRecord(record))
    expect(decoded.map(({ _tag }) => _tag)).toEqual([
      "ConsumerGroupMetadata",
      "ConsumerGroupTargetAssignmentMetadata",
      "ConsumerGroupTargetAssignmentMember",
      "ConsumerGroupCurrentMemberAssignment",
      "ConsumerGroupRegularExpression",
    ])
    expect(decoded[3]).toMatchObject({
      key: { groupId, memberId },
      value: {
        memberEpoch: 3,
        assignedPartitions: [{ ...some, assignmentEpochs: [1, 2] }],
        partitionsPendingRevocation: [],
      },
    })
  })

  test("each version of an offset's value is read", () => {
    const key = { group: "g", topic: "t", partition: 0 }
    const all = {
      offset: 5,
      leaderEpoch: 7,
      metadata: "m",
      commitTimestamp: 9,
      expireTimestamp: 11,
    }
    const seen = [0, 1, 2, 3, 4].map((version) => {
      const decoded = decodeRecord(encodeRecord("OffsetCommit", key, all, version))
      return decoded._tag === "OffsetCommit" ? decoded.value : undefined
    })
    const base = { offset: 5, metadata: "m", commitTimestamp: 9, topicId: zeroUuid }
    expect(seen).toEqual([
      { ...base, leaderEpoch: -1, expireTimestamp: -1 },
      { ...base, leaderEpoch: -1, expireTimestamp: 11 },
      { ...base, leaderEpoch: -1, expireTimestamp: -1 },
      { ...base, leaderEpoch: 7, expireTimestamp: -1 },
      { ...base, leaderEpoch: 7, expireTimestamp: -1 },
    ])
  })

  test("types and versions of other programs are named, not guessed", () => {
    const key = Buffer.from("7000ff", "hex")
    expect(decodeRecord({ key, value: null })).toMatchObject({ _tag: "Unknown", type: 0x7000 })
    const known = encodeRecord("GroupMetadata", { group: "g" }, {})
    const value = Buffer.from(known.value ?? [])
    value.writeInt16BE(5)
    const unknown = { _tag: "Unknown", type: 2, version: 5 }
    expect(decodeRecord({ key: known.key, value })).toMatchObject(unknown)
  })

  test("the types' numbers are Kafka's, each once", () => {
    const numbers = declared.map(([, { type }]) => type)
    expect(new Set(numbers).size).toBe(numbers.length)
    const tag: RecordTag = "OffsetCommit"
    expect(recordTypes[tag].type).toBe(1)
  })
})
