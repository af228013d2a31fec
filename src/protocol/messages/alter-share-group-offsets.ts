import { defineApi, array, int16, int32, int64, string, uuid } from "../schema.ts"

/** Sets where a share group begins to read. */
export const alterShareGroupOffsets = defineApi({
  key: 91,
  name: "AlterShareGroupOffsets",
  versions: [0, 0],
  flexibleSince: 0,
  request: {
    groupId: string("0+"),
    topics: array("0+", {
      topicName: string("0+"),
      partitions: array("0+", {
        partitionIndex: int32("0+"),
        startOffset: int64("0+"),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32("0+"),
    errorCode: int16("0+"),
    errorMessage: string("0+", { nullable: "0+", default: null }),
    responses: array("0+", {
      topicName: string("0+"),
      topicId: uuid("0+"),
      partitions: array("0+", {
        partitionIndex: int32("0+"),
        errorCode: int16("0+"),
        errorMessage: string("0+", { nullable: "0+", default: null }),
      }),
    }),
  },
})
