import { defineApi, array, bool, int16, int32, string } from "../schema.ts"

/** Adds partitions to topics. 2: flexible · 3: THROTTLING_QUOTA_EXCEEDED. */
export const createPartitions = defineApi({
  key: 37,
  name: "CreatePartitions",
  versions: [0, 3],
  flexibleSince: 2,
  request: {
    topics: array("0+", {
      name: string("0+"),
      // In all, not in addition.
      count: int32("0+"),
      // Null: the broker chooses.
      assignments: array(
        "0+",
        {
          brokerIds: array("0+", "int32"),
        },
        { nullable: "0+" },
      ),
    }),
    timeoutMs: int32("0+"),
    validateOnly: bool("0+"),
  },
  response: {
    throttleTimeMs: int32("0+"),
    results: array("0+", {
      name: string("0+"),
      errorCode: int16("0+"),
      errorMessage: string("0+", { nullable: "0+", default: null }),
    }),
  },
})
