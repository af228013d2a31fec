import { defineApi, bool, int16, int32, int64, string } from "../schema.ts"

export const initProducerId = defineApi({
  key: 22,
  name: "InitProducerId",
  versions: [0, 6],
  flexibleSince: 2,
  request: {
    transactionalId: string("0+", { nullable: "0+" }),
    transactionTimeoutMs: int32("0+"),
    producerId: int64("3+", { default: -1 }),
    producerEpoch: int16("3+", { default: -1 }),
    enable2Pc: bool("6+"),
    keepPreparedTxn: bool("6+"),
  },
  response: {
    throttleTimeMs: int32("0+", { ignorable: true }),
    errorCode: int16("0+"),
    producerId: int64("0+", { default: -1 }),
    producerEpoch: int16("0+"),
    ongoingTxnProducerId: int64("6+", { default: -1 }),
    ongoingTxnProducerEpoch: int16("6+", { default: -1 }),
  },
})
