import { defineApi, array, int16, int32, int64, int8, string } from "../schema.ts"

export const listOffsets = defineApi({
  key: 2,
  name: "ListOffsets",
  versions: [1, 11],
  flexibleSince: 6,
  request: {
    replicaId: int32("0+"),
    isolationLevel: int8("2+"),
    topics: array("0+", {
      name: string("0+"),
      partitions: array("0+", {
        partitionIndex: int32("0+"),
        currentLeaderEpoch: int32("4+", { default: -1, ignorable: true }),
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
        timestamp: int64("1+", { default: -1 }),
        offset: int64("1+", { default: -1 }),
        leaderEpoch: int32("4+", { default: -1 }),
      }),
    }),
  },
})
