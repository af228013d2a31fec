import { defineApi, array, int16, int32, int8, string } from "../schema.ts"

/**
 * Elects the preferred (0) or any (1) replica as leader.
 * 1: election types, top-level error · 2: flexible.
 */
export const electLeaders = defineApi({
  key: 43,
  name: "ElectLeaders",
  versions: [0, 2],
  flexibleSince: 2,
  request: {
    electionType: int8("1+"),
    // Null: all partitions.
    topicPartitions: array(
      "0+",
      {
        topic: string("0+"),
        partitions: array("0+", "int32"),
      },
      { nullable: "0+" },
    ),
    timeoutMs: int32("0+", { default: 60000 }),
  },
  response: {
    throttleTimeMs: int32("0+"),
    errorCode: int16("1+"),
    replicaElectionResults: array("0+", {
      topic: string("0+"),
      partitionResult: array("0+", {
        partitionId: int32("0+"),
        errorCode: int16("0+"),
        errorMessage: string("0+", { nullable: "0+" }),
      }),
    }),
  },
})
