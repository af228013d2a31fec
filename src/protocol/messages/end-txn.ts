import { defineApi, bool, int16, int32, int64, string } from "../schema.ts"

/**
 * Commits or aborts a transaction.
 * 2: PRODUCER_FENCED · 3: flexible · 4: TRANSACTION_ABORTABLE · 5: answers with the producer's
 * next epoch (KIP-890).
 */
export const endTxn = defineApi({
  key: 26,
  name: "EndTxn",
  versions: [0, 5],
  flexibleSince: 3,
  request: {
    transactionalId: string("0+"),
    producerId: int64("0+"),
    producerEpoch: int16("0+"),
    committed: bool("0+"),
  },
  response: {
    throttleTimeMs: int32("0+"),
    errorCode: int16("0+"),
    producerId: int64("5+", { default: -1, ignorable: true }),
    producerEpoch: int16("5+", { default: -1, ignorable: true }),
  },
})
