import { array, defineApi, int32, int64, int8 } from "../schema.ts"

/**
 * Between brokers alone, not Kafka's: what the leaders of partitions tell the metadata leader of
 * raft memberships. Kinds: 0 claims the right to change it, 1 it is as it should be, 2 the sender's
 * log of its time as witness is gone.
 */
export const changeMembership = defineApi({
  key: 30_001,
  name: "ChangeMembership",
  versions: [0, 0],
  flexibleSince: 0,
  request: {
    brokerId: int32("0+"),
    /** Metadata index that the sender has applied. */
    asOf: int64("0+"),
    partitions: array("0+", {
      group: int32("0+"),
      kind: int8("0+"),
      /** In which the sender leads the group; 0 with kind 2. */
      term: int64("0+"),
      voters: array("0+", "string"),
      witnesses: array("0+", "string"),
    }),
  },
  response: { settled: int32("0+") },
})
