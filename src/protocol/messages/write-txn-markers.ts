import { defineApi, array, bool, int16, int32, int64, int8, string } from "../schema.ts"

/**
 * Writes the outcome of a transaction to its partitions: from the coordinator, or from kafka-
 * transactions.
 * 1: flexible · 2: transaction version.
 */
export const writeTxnMarkers = defineApi({
  key: 27,
  name: "WriteTxnMarkers",
  versions: [1, 2],
  flexibleSince: 1,
  request: {
    markers: array("0+", {
      producerId: int64("0+"),
      producerEpoch: int16("0+"),
      transactionResult: bool("0+"),
      topics: array("0+", {
        name: string("0+"),
        partitionIndexes: array("0+", "int32"),
      }),
      coordinatorEpoch: int32("0+"),
      transactionVersion: int8("2+", { ignorable: true }),
    }),
  },
  response: {
    markers: array("0+", {
      producerId: int64("0+"),
      topics: array("0+", {
        name: string("0+"),
        partitions: array("0+", {
          partitionIndex: int32("0+"),
          errorCode: int16("0+"),
        }),
      }),
    }),
  },
})
