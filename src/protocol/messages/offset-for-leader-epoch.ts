import { defineApi, array, int16, int32, int64, string } from "../schema.ts"

/**
 * Where a leader epoch ends, for a client to find out whether its log was truncated (KIP-320).
 * 2: current leader epoch · 3: replica id · 4: flexible.
 */
export const offsetForLeaderEpoch = defineApi({
  key: 23,
  name: "OffsetForLeaderEpoch",
  versions: [2, 4],
  flexibleSince: 4,
  request: {
    // -1 consumer · -2 debugging consumer, which may see beyond the high watermark.
    replicaId: int32("3+", { default: -2, ignorable: true }),
    topics: array("0+", {
      topic: string("0+"),
      partitions: array("0+", {
        partition: int32("0+"),
        currentLeaderEpoch: int32("2+", { default: -1, ignorable: true }),
        // The epoch asked about.
        leaderEpoch: int32("0+"),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32("2+", { ignorable: true }),
    topics: array("0+", {
      topic: string("0+"),
      partitions: array("0+", {
        errorCode: int16("0+"),
        partition: int32("0+"),
        // The largest epoch up to the one asked about; -1: none.
        leaderEpoch: int32("1+", { default: -1, ignorable: true }),
        endOffset: int64("0+", { default: -1 }),
      }),
    }),
  },
})
