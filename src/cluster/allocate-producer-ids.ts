/**
 * AllocateProducerIds (67): a broker gets a block of producer ids that nobody else will ever hand
 * out.
 */
import { ErrorCode } from "../protocol/error-codes.ts"
import type { allocateProducerIds as schema } from "../protocol/messages/allocate-producer-ids.ts"
import type { RequestOf, ResponseInput } from "../protocol/schema.ts"
import type { Decision } from "./controller.ts"
import type { MetadataImage } from "./image.ts"

export type AllocateProducerIdsRequest = RequestOf<typeof schema>
export type AllocateProducerIdsResponse = ResponseInput<typeof schema>

/**
 * Kafka's block size: small enough that a crash wastes little, large enough that asking is rare.
 */
export const producerIdBlock = 1000

const refused = (errorCode: ErrorCode): Decision<AllocateProducerIdsResponse> => ({
  records: [],
  response: { throttleTimeMs: 0, errorCode, producerIdStart: -1, producerIdLen: 0 },
})

/** A broker epoch of -1 is not checked: the asker is known by its link. */
export const allocateProducerIds = (
  image: MetadataImage,
  { brokerId, brokerEpoch }: AllocateProducerIdsRequest,
): Decision<AllocateProducerIdsResponse> => {
  const broker = image.brokers.get(brokerId)
  if (broker === undefined) return refused(ErrorCode.BROKER_ID_NOT_REGISTERED)
  if (brokerEpoch !== -1 && brokerEpoch !== broker.epoch)
    return refused(ErrorCode.STALE_BROKER_EPOCH)
  const firstProducerId = image.nextProducerId
  if (!Number.isSafeInteger(firstProducerId + producerIdBlock)) {
    return refused(ErrorCode.UNKNOWN_SERVER_ERROR)
  }
  return {
    records: [{ _tag: "ProducerIdsAllocated", brokerId, firstProducerId, count: producerIdBlock }],
    response: {
      throttleTimeMs: 0,
      errorCode: ErrorCode.NONE,
      producerIdStart: firstProducerId,
      producerIdLen: producerIdBlock,
    },
  }
}
