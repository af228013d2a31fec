import { defineApi, bool, int16, int32, int64, string } from "../schema.ts"

/**
 * A producer id and epoch for an idempotent or transactional producer; fences earlier ones of the
 * same transactional id.
 * 2: flexible · 3: keeps a known id and bumps its epoch (KIP-360) · 4: PRODUCER_FENCED ·
 * 5: TRANSACTION_ABORTABLE · 6: two-phase commit (KIP-939), not stable in Kafka 4.3.
 */
export const initProducerId = defineApi({
  key: 22,
  name: "InitProducerId",
  versions: [0, 6],
  flexibleSince: 2,
  request: {
    // Null: idempotent only.
    transactionalId: string("0+", { nullable: "0+" }),
    transactionTimeoutMs: int32("0+"),
    // -1: a new one.
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
