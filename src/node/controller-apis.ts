/**
 * The requests that only the metadata leader decides, and what it decides; everything else never
 * leaves a broker.
 */
import { decideAlterConfigs, decideIncrementalAlterConfigs } from "../cluster/alter-configs.ts"
import { allocateProducerIds as decideProducerIds } from "../cluster/allocate-producer-ids.ts"
import type { LeadershipView } from "../cluster/assignment.ts"
import type { ControllerContext, Decision } from "../cluster/controller.ts"
import { createPartitions as decideCreatePartitions } from "../cluster/create-partitions.ts"
import { createTopics as decideCreateTopics } from "../cluster/create-topics.ts"
import { deleteTopics as decideDeleteTopics } from "../cluster/delete-topics.ts"
import { decideElections } from "../cluster/elect-leaders.ts"
import type { MetadataImage } from "../cluster/image.ts"
import { changeMembership as decideMembership } from "../cluster/change-membership.ts"
import {
  alterPartitionReassignments as decideReassignments,
  listPartitionReassignments as listReassignments,
} from "../cluster/reassign.ts"
import { registerBroker } from "../cluster/register-broker.ts"
import { alterConfigs } from "../protocol/messages/alter-configs.ts"
import { allocateProducerIds } from "../protocol/messages/allocate-producer-ids.ts"
import {
  alterPartitionReassignments,
  listPartitionReassignments,
} from "../protocol/reassignments.ts"
import { brokerRegistration } from "../protocol/messages/broker-registration.ts"
import { changeMembership } from "../protocol/messages/change-membership.ts"
import { createPartitions } from "../protocol/messages/create-partitions.ts"
import { createTopics } from "../protocol/messages/create-topics.ts"
import { deleteTopics } from "../protocol/messages/delete-topics.ts"
import { describeQuorum } from "../protocol/messages/describe-quorum.ts"
import { electLeaders } from "../protocol/messages/elect-leaders.ts"
import { incrementalAlterConfigs } from "../protocol/messages/incremental-alter-configs.ts"
import type { Api, RequestOf } from "../protocol/schema.ts"
import { requestOf } from "./requests/bodies.ts"

const apis = new Map<number, Api>(
  [
    createTopics,
    deleteTopics,
    createPartitions,
    alterPartitionReassignments,
    listPartitionReassignments,
    alterConfigs,
    incrementalAlterConfigs,
    electLeaders,
    describeQuorum,
    brokerRegistration,
    allocateProducerIds,
    changeMembership,
  ].map((api) => [api.key, api]),
)

/** Undefined: not a request for the metadata leader. */
export const controllerApi = (apiKey: number): Api | undefined => apis.get(apiKey)

/** What the metadata leader knows beside the image. */
export interface LeadersView {
  readonly leadership: LeadershipView
  readonly quorum: (request: RequestOf<typeof describeQuorum>) => object
}

export function decide(
  image: MetadataImage,
  request: { readonly apiKey: number; readonly body: object },
  context: ControllerContext,
  view: LeadersView,
): Decision<object> {
  switch (request.apiKey) {
    case createTopics.key:
      return decideCreateTopics(image, requestOf(createTopics, request.body), context)
    case deleteTopics.key:
      return decideDeleteTopics(image, requestOf(deleteTopics, request.body))
    case createPartitions.key:
      return decideCreatePartitions(image, requestOf(createPartitions, request.body), context)
    case alterPartitionReassignments.key:
      return decideReassignments(
        image,
        requestOf(alterPartitionReassignments, request.body),
        context,
      )
    case listPartitionReassignments.key:
      return listReassignments(image, requestOf(listPartitionReassignments, request.body))
    case alterConfigs.key:
      return decideAlterConfigs(image, requestOf(alterConfigs, request.body), context)
    case incrementalAlterConfigs.key:
      return decideIncrementalAlterConfigs(
        image,
        requestOf(incrementalAlterConfigs, request.body),
        context,
      )
    case electLeaders.key:
      return decideElections(image, requestOf(electLeaders, request.body), view.leadership)
    case describeQuorum.key:
      return { records: [], response: view.quorum(requestOf(describeQuorum, request.body)) }
    case changeMembership.key:
      return decideMembership(image, requestOf(changeMembership, request.body), context)
    case brokerRegistration.key:
      return registerBroker(image, requestOf(brokerRegistration, request.body), context)
    case allocateProducerIds.key:
      return decideProducerIds(image, requestOf(allocateProducerIds, request.body))
    default:
      throw new Error(`API ${request.apiKey} is not for the metadata leader`)
  }
}

/**
 * The broker that a request of this kind speaks for; undefined where any broker may ask for
 * anybody.
 */
export function speaksFor(request: {
  readonly apiKey: number
  readonly body: object
}): number | undefined {
  switch (request.apiKey) {
    case brokerRegistration.key:
      return requestOf(brokerRegistration, request.body).brokerId
    case allocateProducerIds.key:
      return requestOf(allocateProducerIds, request.body).brokerId
    case changeMembership.key:
      return requestOf(changeMembership, request.body).brokerId
    default:
      return undefined
  }
}
