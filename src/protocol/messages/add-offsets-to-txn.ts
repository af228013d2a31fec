import { defineApi, int16, int32, int64, string } from "../schema.ts"

/**
 * Adds a group's offsets to a transaction.
 * 2: PRODUCER_FENCED · 3: flexible · 4: TRANSACTION_ABORTABLE.
 */
export const addOffsetsToTxn = defineApi({
  key: 25,
  name: "AddOffsetsToTxn",
  versions: [0, 4],
  flexibleSince: 3,
  request: {
    transactionalId: string("0+"),
    producerId: int64("0+"),
    producerEpoch: int16("0+"),
    groupId: string("0+"),
  },
  response: {
    throttleTimeMs: int32("0+"),
    errorCode: int16("0+"),
  },
})
