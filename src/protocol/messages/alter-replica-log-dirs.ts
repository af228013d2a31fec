import { defineApi, array, int16, int32, string } from "../schema.ts"

/** Moves replicas between the folders of a broker. 2: flexible. */
export const alterReplicaLogDirs = defineApi({
  key: 34,
  name: "AlterReplicaLogDirs",
  versions: [1, 2],
  flexibleSince: 2,
  request: {
    dirs: array("0+", {
      path: string("0+"),
      topics: array("0+", {
        name: string("0+"),
        partitions: array("0+", "int32"),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32("0+"),
    results: array("0+", {
      topicName: string("0+"),
      partitions: array("0+", {
        partitionIndex: int32("0+"),
        errorCode: int16("0+"),
      }),
    }),
  },
})
