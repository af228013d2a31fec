import { defineApi, array, bool, int16, int32, int64, string } from "../schema.ts"

/**
 * The folders of a broker and what lies in them.
 * 2: flexible · 3: top-level error · 4: size of the file system · 5: whether a folder takes no
 * more replicas.
 */
export const describeLogDirs = defineApi({
  key: 35,
  name: "DescribeLogDirs",
  versions: [1, 5],
  flexibleSince: 2,
  request: {
    topics: array(
      "0+",
      {
        topic: string("0+"),
        partitions: array("0+", "int32"),
      },
      { nullable: "0+" },
    ),
  },
  response: {
    throttleTimeMs: int32("0+"),
    errorCode: int16("3+", { ignorable: true }),
    results: array("0+", {
      errorCode: int16("0+"),
      logDir: string("0+"),
      topics: array("0+", {
        name: string("0+"),
        partitions: array("0+", {
          partitionIndex: int32("0+"),
          partitionSize: int64("0+"),
          offsetLag: int64("0+"),
          isFutureKey: bool("0+"),
        }),
      }),
      totalBytes: int64("4+", { default: -1, ignorable: true }),
      usableBytes: int64("4+", { default: -1, ignorable: true }),
      isCordoned: bool("5+", { ignorable: true }),
    }),
  },
})
