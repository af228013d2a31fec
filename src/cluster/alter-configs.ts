/**
 * AlterConfigs and IncrementalAlterConfigs as the metadata leader decides them: each resource by
 * itself, all of it or nothing. What only the addressed broker can say of broker configs was said
 * before (configs/broker-change.ts).
 */
import { ErrorCode } from "../protocol/error-codes.ts"
import type { alterConfigs } from "../protocol/messages/alter-configs.ts"
import type { incrementalAlterConfigs } from "../protocol/messages/incremental-alter-configs.ts"
import type { RequestOf, ResponseInput } from "../protocol/schema.ts"
import { allBrokers, configsOf, ConfigResourceType } from "./config-resources.ts"
import type { Configs } from "./config-resources.ts"
import { brokerConfig } from "./configs/broker-configs.ts"
import { brokerLayers } from "./configs/broker-layers.ts"
import { clientMetricsConfig, clientMetricsFault } from "./configs/client-metrics.ts"
import { isTooLong, operate, tooLongMessage, withValues } from "./configs/config-operations.ts"
import type { NewValues } from "./configs/config-operations.ts"
import type { ConfigDefinition } from "./configs/config-table.ts"
import { groupConfig, groupConfigsFault } from "./configs/group-configs.ts"
import type { ControllerContext, Decision, Fault } from "./controller.ts"
import type { MetadataImage } from "./image.ts"
import type { ConfigsChanged } from "./records.ts"
import { topicConfigKey, validateTopicConfigs } from "./topic-configs.ts"
import { topicNameFault } from "./topic-names.ts"

type Response = ResponseInput<typeof incrementalAlterConfigs>
type Result = NonNullable<Response["responses"]>[number]

/** Broker settings of names that nobody knows are taken: so many for one broker. */
const configsPerResourceMax = 1_000
/**
 * Characters of names and values of everything but topics: they are all in every snapshot of the
 * metadata.
 */
const charactersMax = 16 << 20
/** What a resource or a config counts beside its characters. */
const overhead = 32

interface Resource {
  readonly resourceType: number
  readonly resourceName: string
}

type Planned =
  | { readonly _tag: "values"; readonly values: NewValues }
  | { readonly _tag: "refused"; readonly fault: Fault }

const fault = (errorCode: Fault["errorCode"], errorMessage: string): Fault => ({
  errorCode,
  errorMessage,
})

const invalidRequest = (message: string) => fault(ErrorCode.INVALID_REQUEST, message)
const invalidConfig = (message: string) => fault(ErrorCode.INVALID_CONFIG, message)

export const decideIncrementalAlterConfigs = (
  image: MetadataImage,
  request: RequestOf<typeof incrementalAlterConfigs>,
  context: ControllerContext,
): Decision<Response> =>
  decide(image, request.resources, request.validateOnly, context, (resource) => {
    const current = configsOf(image, resource.resourceType, resource.resourceName)
    const definition = (name: string) => definitionOf(resource.resourceType, name)
    return operate(
      current,
      resource.configs,
      definition,
      (name, operation) => `Can't ${operation} to key ${name} because its type is not LIST.`,
    )
  })

/** Everything that is not named is deleted. */
export const decideAlterConfigs = (
  image: MetadataImage,
  request: RequestOf<typeof alterConfigs>,
  context: ControllerContext,
): Decision<Response> =>
  decide(image, request.resources, request.validateOnly, context, (resource) => {
    const { resourceType, resourceName } = resource
    const values = new Map<string, string | null>()
    for (const name of configsOf(image, resourceType, resourceName).keys()) values.set(name, null)
    if (isAllBrokers(resource)) values.set(minInsyncReplicas, null)
    for (const { name, value } of resource.configs) values.set(name, value ?? "")
    return { _tag: "values", values }
  })

const decide = <R extends Resource>(
  image: MetadataImage,
  resources: ReadonlyArray<R>,
  validateOnly: boolean,
  context: ControllerContext,
  plan: (resource: R) => Planned,
): Decision<Response> => {
  const records: Array<ConfigsChanged> = []
  const responses: Array<Result> = []
  let characters: number | undefined
  const crowded = (record: ConfigsChanged | undefined): Fault | undefined => {
    if (record === undefined || record.resourceType === ConfigResourceType.TOPIC) return undefined
    characters ??= charactersOf(image)
    characters += addedBy(record)
    if (characters <= charactersMax) return undefined
    return fault(
      ErrorCode.POLICY_VIOLATION,
      `Configs of brokers, groups and client metrics are kept up to ${charactersMax} characters.`,
    )
  }
  for (const resource of resources) {
    const { resourceType, resourceName } = resource
    const planned = plan(resource)
    const record =
      planned._tag === "refused" ? undefined : recordOf(image, resource, planned.values)
    const found =
      planned._tag === "refused"
        ? planned.fault
        : (broughtFault(planned.values) ??
          ruledOut(resource, planned.values) ??
          resourceFault(image, resource, planned.values, context) ??
          crowded(record))
    const { errorCode, errorMessage } = found ?? { errorCode: ErrorCode.NONE, errorMessage: null }
    responses.push({ errorCode, errorMessage, resourceType, resourceName })
    if (found === undefined && record !== undefined) records.push(record)
  }
  return { records: validateOnly ? [] : records, response: { responses } }
}

const broughtFault = (values: NewValues): Fault | undefined => {
  const long = [...values.values()].some((value) => value !== null && isTooLong(value))
  return long ? invalidConfig(tooLongMessage) : undefined
}

const minInsyncReplicas = "min.insync.replicas"

const isAllBrokers = ({ resourceType, resourceName }: Resource): boolean =>
  resourceType === ConfigResourceType.BROKER && resourceName === allBrokers

/** As with Kafka's eligible leader replicas: one min.insync.replicas for the whole cluster. */
const ruledOut = (resource: Resource, values: NewValues): Fault | undefined => {
  if (resource.resourceType !== ConfigResourceType.BROKER || !values.has(minInsyncReplicas)) {
    return undefined
  }
  if (!isAllBrokers(resource)) {
    if (values.get(minInsyncReplicas) === null) return undefined
    const message = "Broker-level min.insync.replicas cannot be altered while ELR is enabled."
    return invalidConfig(message)
  }
  if (values.get(minInsyncReplicas) !== null) return undefined
  return invalidConfig("Cluster-level min.insync.replicas cannot be removed while ELR is enabled.")
}

const resourceFault = (
  image: MetadataImage,
  { resourceType, resourceName }: Resource,
  values: NewValues,
  context: ControllerContext,
): Fault | undefined => {
  const configs = withValues(configsOf(image, resourceType, resourceName), values)
  if (configs.size > configsPerResourceMax) {
    return fault(
      ErrorCode.POLICY_VIOLATION,
      `No more than ${configsPerResourceMax} configs are kept of one resource.`,
    )
  }
  switch (resourceType) {
    case ConfigResourceType.TOPIC:
      return topicFault(image, resourceName, configs)
    case ConfigResourceType.BROKER:
      return brokerNameFault(resourceName)
    case ConfigResourceType.CLIENT_METRICS:
      return clientMetricsFault(resourceName, configs)
    case ConfigResourceType.GROUP: {
      if (resourceName === "") return invalidRequest("Default group resources are not allowed.")
      const layers = brokerLayers(image, context.nodeId, context.defaults.brokerConfigs)
      const message = groupConfigsFault(configs, layers)
      return message === undefined ? undefined : invalidConfig(message)
    }
    default:
      return invalidRequest(`Unknown resource type ${resourceType}`)
  }
}

const charactersOf = (image: MetadataImage): number => {
  let characters = 0
  for (const { name, configs } of image.configs.values()) {
    characters += name.length + overhead
    for (const [key, value] of configs) characters += key.length + value.length + overhead
  }
  return characters
}

/** At most: what it takes the place of is not counted. */
const addedBy = ({ resourceName, sets }: ConfigsChanged): number =>
  sets.reduce(
    (sum, { name, value }) => sum + name.length + value.length + overhead,
    sets.length === 0 ? 0 : resourceName.length + overhead,
  )

const topicFault = (image: MetadataImage, name: string, configs: Configs): Fault | undefined => {
  if (name === "") return invalidRequest("Default topic resources are not allowed.")
  const nameFault = topicNameFault(name)
  if (nameFault !== undefined) return fault(ErrorCode.INVALID_TOPIC_EXCEPTION, nameFault)
  const found = validateTopicConfigs(configs)
  if (found !== undefined) return invalidConfig(found)
  if (image.topics.has(name)) return undefined
  return fault(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `The topic '${name}' does not exist.`)
}

const brokerNameFault = (name: string): Fault | undefined => {
  if (name === allBrokers) return undefined
  if (!/^[+-]?\d+$/.test(name)) {
    return invalidRequest("Unable to parse broker name as a base 10 number.")
  }
  return Number(name) < 0 ? invalidRequest("Invalid negative broker ID.") : undefined
}

const definitionOf = (resourceType: number, name: string): ConfigDefinition | undefined => {
  switch (resourceType) {
    case ConfigResourceType.TOPIC:
      return topicConfigKey(name)
    case ConfigResourceType.BROKER:
      return brokerConfig(name)
    case ConfigResourceType.CLIENT_METRICS:
      return clientMetricsConfig(name)
    case ConfigResourceType.GROUP:
      return groupConfig(name)
    default:
      return undefined
  }
}

/** Only what changes; undefined when nothing does. */
const recordOf = (
  image: MetadataImage,
  { resourceType, resourceName }: Resource,
  values: NewValues,
): ConfigsChanged | undefined => {
  const current = configsOf(image, resourceType, resourceName)
  const sets: Array<{ name: string; value: string }> = []
  const deletes: Array<string> = []
  for (const [name, value] of values) {
    if (value === null) {
      if (current.has(name)) deletes.push(name)
    } else if (current.get(name) !== value) sets.push({ name, value })
  }
  if (sets.length === 0 && deletes.length === 0) return undefined
  return { _tag: "ConfigsChanged", resourceType, resourceName, sets, deletes }
}
