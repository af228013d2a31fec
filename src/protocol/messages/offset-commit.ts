import { defineApi, array, int16, int32, int64, string, uuid } from "../schema.ts"

/**
 * Stores the position of a consumer group.
 * 5: no retention time any more · 6: leader epoch · 7: static members · 8: flexible · 9: the new
 * group protocol (KIP-848), where the generation is a member epoch · 10: topic ids instead of
 * names.
 */
export const offsetCommit = defineApi({
  key: 8,
  name: "OffsetCommit",
  versions: [2, 10],
  flexibleSince: 8,
  request: {
    groupId: string("0+"),
    // -1 and no member id: a consumer outside group management.
    generationIdOrMemberEpoch: int32("1+", { default: -1, ignorable: true }),
    memberId: string("1+", { ignorable: true }),
    groupInstanceId: string("7+", { nullable: "7+", default: null }),
    // -1: the broker's default.
    retentionTimeMs: int64("2-4", { default: -1, ignorable: true }),
    topics: array("0+", {
      name: string("0-9", { ignorable: true }),
      topicId: uuid("10+", { ignorable: true }),
      partitions: array("0+", {
        partitionIndex: int32("0+"),
        committedOffset: int64("0+"),
        committedLeaderEpoch: int32("6+", { default: -1, ignorable: true }),
        committedMetadata: string("0+", { nullable: "0+" }),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32("3+", { ignorable: true }),
    topics: array("0+", {
      name: string("0-9", { ignorable: true }),
      topicId: uuid("10+", { ignorable: true }),
      partitions: array("0+", {
        partitionIndex: int32("0+"),
        errorCode: int16("0+"),
      }),
    }),
  },
})
