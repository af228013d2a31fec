import { defineApi, array, bool, int16, int32, int64, string, uuid } from "../schema.ts"

/**
 * The stored positions of consumer groups.
 * 2: null = all topics, top-level error · 5: leader epoch · 6: flexible · 7: refuse while a
 * transaction is open · 8: many groups in one request · 9: the new group protocol (KIP-848) ·
 * 10: topic ids instead of names.
 */
export const offsetFetch = defineApi({
  key: 9,
  name: "OffsetFetch",
  versions: [1, 10],
  flexibleSince: 6,
  request: {
    groupId: string("0-7"),
    // Null: all.
    topics: array(
      "0-7",
      {
        name: string("0-7"),
        partitionIndexes: array("0-7", "int32"),
      },
      { nullable: "2-7" },
    ),
    groups: array("8+", {
      groupId: string("8+"),
      memberId: string("9+", { nullable: "9+", default: null, ignorable: true }),
      memberEpoch: int32("9+", { default: -1, ignorable: true }),
      topics: array(
        "8+",
        {
          name: string("8-9", { ignorable: true }),
          topicId: uuid("10+", { ignorable: true }),
          partitionIndexes: array("8+", "int32"),
        },
        { nullable: "8+" },
      ),
    }),
    requireStable: bool("7+"),
  },
  response: {
    throttleTimeMs: int32("3+", { ignorable: true }),
    topics: array("0-7", {
      name: string("0-7"),
      partitions: array("0-7", {
        partitionIndex: int32("0-7"),
        // -1: nothing stored, which is no error.
        committedOffset: int64("0-7"),
        committedLeaderEpoch: int32("5-7", { default: -1, ignorable: true }),
        metadata: string("0-7", { nullable: "0-7" }),
        errorCode: int16("0-7"),
      }),
    }),
    errorCode: int16("2-7", { ignorable: true }),
    groups: array("8+", {
      groupId: string("8+"),
      topics: array("8+", {
        name: string("8-9", { ignorable: true }),
        topicId: uuid("10+", { ignorable: true }),
        partitions: array("8+", {
          partitionIndex: int32("8+"),
          committedOffset: int64("8+"),
          committedLeaderEpoch: int32("8+", { default: -1, ignorable: true }),
          metadata: string("8+", { nullable: "8+" }),
          errorCode: int16("8+"),
        }),
      }),
      errorCode: int16("8+"),
    }),
  },
})
