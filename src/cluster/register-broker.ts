/**
 * BrokerRegistration (62), as one broker sends it to the metadata leader. A registration is (node
 * id, disk uuid, incarnation): the disk uuid travels as the only log directory, as Kafka's
 * directory ids do.
 *
 * A known node id with a new disk uuid is a replaced disk: accepted while nobody is heard under
 * that id, and takes the place of the old disk in every group once it has caught up
 * (`goalConfiguration`).
 */
import { ErrorCode } from "../protocol/error-codes.ts"
import type { brokerRegistration } from "../protocol/messages/broker-registration.ts"
import type { RequestOf, ResponseInput } from "../protocol/schema.ts"
import type { ControllerContext, Decision } from "./controller.ts"
import { isActive } from "./controller.ts"
import type { BrokerInfo, MetadataImage } from "./image.ts"
import type { BrokerRegistered } from "./records.ts"

export type BrokerRegistrationRequest = RequestOf<typeof brokerRegistration>
export type BrokerRegistrationResponse = ResponseInput<typeof brokerRegistration>

export interface RegistrationDecision extends Decision<BrokerRegistrationResponse> {
  /** For the log when it is refused. */
  readonly reason: string | undefined
}

const refused = (errorCode: ErrorCode, reason: string): RegistrationDecision => ({
  records: [],
  response: { throttleTimeMs: 0, errorCode, brokerEpoch: -1 },
  reason,
})

/**
 * On success `brokerEpoch` is that of the registration in the image, -1 for a new one: it is the
 * index of its record (`registrationEpoch` of the image that holds it).
 */
export const registerBroker = (
  image: MetadataImage,
  request: BrokerRegistrationRequest,
  context: ControllerContext,
): RegistrationDecision => {
  const { brokerId, clusterId, logDirs, listeners } = request
  if (clusterId !== image.clusterId) {
    const reason = `broker ${brokerId} is of cluster ${clusterId}, this is ${image.clusterId}`
    return refused(ErrorCode.INCONSISTENT_CLUSTER_ID, reason)
  }
  const listener = listeners[0]
  const [diskUuid] = logDirs
  if (brokerId < 0 || listener === undefined || diskUuid === undefined || logDirs.length > 1) {
    const reason = `broker ${brokerId}: an id, a listener and exactly one disk are needed`
    return refused(ErrorCode.INVALID_REGISTRATION, reason)
  }
  const record: BrokerRegistered = {
    _tag: "BrokerRegistered",
    brokerId,
    diskUuid,
    incarnation: request.incarnationId,
    host: listener.host,
    port: listener.port,
    rack: request.rack,
  }
  return conflict(image, record, context) ?? accepted(image.brokers.get(brokerId), record)
}

const conflict = (
  image: MetadataImage,
  { brokerId, diskUuid }: BrokerRegistered,
  context: ControllerContext,
): RegistrationDecision | undefined => {
  for (const other of image.brokers.values()) {
    if (other.id !== brokerId && other.diskUuid === diskUuid) {
      const reason = `disk ${diskUuid} of broker ${brokerId} is registered as broker ${other.id}'s`
      return refused(ErrorCode.INVALID_REGISTRATION, reason)
    }
  }
  const known = image.brokers.get(brokerId)
  // The same disk in a new incarnation is a restart: the folder's lock keeps two processes off one
  // disk.
  if (known === undefined || known.diskUuid === diskUuid || !isActive(known, context)) {
    return undefined
  }
  const reason = `broker ${brokerId} is alive on disk ${known.diskUuid}: no place for disk ${diskUuid}`
  return refused(ErrorCode.DUPLICATE_BROKER_REGISTRATION, reason)
}

const accepted = (
  known: BrokerInfo | undefined,
  record: BrokerRegistered,
): RegistrationDecision => {
  const unchanged = known !== undefined && isSame(known, record)
  const brokerEpoch = unchanged ? known.epoch : -1
  return {
    records: unchanged ? [] : [record],
    response: { throttleTimeMs: 0, errorCode: ErrorCode.NONE, brokerEpoch },
    reason: undefined,
  }
}

const isSame = (known: BrokerInfo, record: BrokerRegistered): boolean =>
  !known.fenced &&
  known.diskUuid === record.diskUuid &&
  known.incarnation === record.incarnation &&
  known.host === record.host &&
  known.port === record.port &&
  known.rack === record.rack

/** -1 when that incarnation is not the registered one. */
export const registrationEpoch = (
  image: MetadataImage,
  brokerId: number,
  incarnation: string,
): number => {
  const broker = image.brokers.get(brokerId)
  return broker?.incarnation === incarnation ? broker.epoch : -1
}
