/** DescribeCluster (KIP-700, KIP-919, KIP-1073). */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { describeCluster } from "../../protocol/messages/describe-cluster.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { clusterOperations, operationsNotAsked } from "./authorized-operations.ts"
import { listedBrokers } from "./metadata.ts"
import type { NodeView, Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"

const brokerEndpoint = 1
const controllerEndpoint = 2

function endpointError(endpointType: number): Outcome {
  const response: ResponseInput<typeof describeCluster> =
    endpointType === controllerEndpoint
      ? {
          errorCode: ErrorCode.MISMATCHED_ENDPOINT_TYPE,
          errorMessage:
            "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER",
        }
      : {
          errorCode: ErrorCode.UNSUPPORTED_ENDPOINT_TYPE,
          errorMessage: `Unsupported endpoint type ${endpointType}`,
        }
  return answer(response)
}

function brokersOf(node: NodeView, includeFenced: boolean) {
  const brokers = includeFenced
    ? [...node.image.brokers.values()].sort((a, b) => a.id - b.id)
    : listedBrokers(node)
  return brokers.map(({ id, host, port, rack, fenced }) => ({
    brokerId: id,
    host,
    port,
    rack,
    isFenced: fenced,
  }))
}

export function handleDescribeCluster(
  request: RequestOf<typeof describeCluster>,
  context: RequestContext,
): Outcome {
  if (request.endpointType !== brokerEndpoint) return endpointError(request.endpointType)
  const { node } = context
  const response: ResponseInput<typeof describeCluster> = {
    clusterId: node.clusterId,
    controllerId: node.controllerId,
    brokers: brokersOf(node, request.includeFencedBrokers),
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? clusterOperations
      : operationsNotAsked,
  }
  return answer(response)
}
