import { defineApi, int16, int32, int64 } from "../schema.ts"

/** A broker takes a block of producer ids from the metadata leader. Between brokers only. */
export const allocateProducerIds = defineApi({
  key: 67,
  name: "AllocateProducerIds",
  versions: [0, 0],
  flexibleSince: 0,
  request: {
    brokerId: int32("0+"),
    brokerEpoch: int64("0+", { default: -1 }),
  },
  response: {
    throttleTimeMs: int32("0+"),
    errorCode: int16("0+"),
    // First id of the block.
    producerIdStart: int64("0+"),
    producerIdLen: int32("0+"),
  },
})
