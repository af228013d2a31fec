import { defineApi, array, int16, int32, int64, int8, string } from "../schema.ts"

/**
 * Offsets by time or by name: -1 latest, -2 earliest, -3 of the highest timestamp (7), -4 earliest
 * on local disk (8), -5 latest in tiered storage (9), -6 earliest to be tiered (11).
 * 2: isolation level · 4: leader epochs · 5: OFFSET_NOT_AVAILABLE · 6: flexible · 10: timeout for
 * tiered look-ups.
 */
export const listOffsets = defineApi({
  key: 2,
  name: "ListOffsets",
  versions: [1, 11],
  flexibleSince: 6,
  request: {
    // -1 for a consumer.
    replicaId: int32("0+"),
    // 0 read_uncommitted · 1 read_committed: latest is then the last stable offset.
    isolationLevel: int8("2+"),
    topics: array("0+", {
      name: string("0+"),
      partitions: array("0+", {
        partitionIndex: int32("0+"),
        currentLeaderEpoch: int32("4+", { default: -1, ignorable: true }),
        // ms since the epoch, or one of the names above.
        timestamp: int64("0+", { rounded: true }),
      }),
    }),
    timeoutMs: int32("10+", { ignorable: true }),
  },
  response: {
    throttleTimeMs: int32("2+", { ignorable: true }),
    topics: array("0+", {
      name: string("0+"),
      partitions: array("0+", {
        partitionIndex: int32("0+"),
        errorCode: int16("0+"),
        // Of the record found; -1 where none was asked for or found.
        timestamp: int64("1+", { default: -1 }),
        offset: int64("1+", { default: -1 }),
        leaderEpoch: int32("4+", { default: -1 }),
      }),
    }),
  },
})
