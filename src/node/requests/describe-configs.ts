/** DescribeConfigs: every config of a resource, where its value comes from, and what it is for. */
import { allBrokers, configsOf, ConfigResourceType } from "../../cluster/config-resources.ts"
import { describedClientMetrics } from "../../cluster/configs/client-metrics.ts"
import type { ConfigEntry } from "../../cluster/configs/config-entry.ts"
import { describedAllBrokers, describedBroker } from "../../cluster/configs/describe-broker.ts"
import { describedGroup } from "../../cluster/configs/group-configs.ts"
import { describedTopicConfigs } from "../../cluster/topic-configs.ts"
import { topicNameFault } from "../../cluster/topic-names.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { describeConfigs } from "../../protocol/messages/describe-configs.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { describedLoggers } from "./broker-loggers.ts"
import type { NodeView, Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"

type Request = RequestOf<typeof describeConfigs>
type Resource = Request["resources"][number]
type Response = ResponseInput<typeof describeConfigs>
type Result = NonNullable<Response["results"]>[number]

/**
 * A name of a few bytes is answered with kilobytes: so many configs in one answer (3,000 topics),
 * which are 15 MB and, written, 0.2 s.
 */
const entriesMax = 100_000

type Described =
  | { readonly _tag: "configs"; readonly entries: ReadonlyArray<ConfigEntry> }
  | { readonly _tag: "refused"; readonly errorCode: number; readonly errorMessage: string }

const configs = (entries: ReadonlyArray<ConfigEntry>): Described => ({ _tag: "configs", entries })

const refused = (errorCode: number, errorMessage: string): Described => ({
  _tag: "refused",
  errorCode,
  errorMessage,
})

const invalid = (message: string): Described => refused(ErrorCode.INVALID_REQUEST, message)

function describe(node: NodeView, type: number, name: string): Described {
  switch (type) {
    case ConfigResourceType.TOPIC:
      return describeTopic(node, name)
    case ConfigResourceType.BROKER:
      return describeBroker(node, name)
    case ConfigResourceType.BROKER_LOGGER:
      return describeLoggers(node, name)
    case ConfigResourceType.CLIENT_METRICS:
      if (name === "") return invalid("Client metrics subscription name must not be empty")
      return configs(describedClientMetrics(configsOf(node.image, type, name)))
    case ConfigResourceType.GROUP: {
      if (name === "") return invalid("Group name must not be empty")
      return configs(describedGroup(configsOf(node.image, type, name), node.brokerSettings.layers))
    }
    default:
      return invalid(`Unsupported resource type: ${type}`)
  }
}

function describeTopic({ image, brokerSettings }: NodeView, name: string): Described {
  const fault = topicNameFault(name)
  if (fault !== undefined) return refused(ErrorCode.INVALID_TOPIC_EXCEPTION, fault)
  const topic = image.topics.get(name)
  if (topic === undefined) return refused(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "")
  return configs(describedTopicConfigs(topic.configs, brokerSettings.layers))
}

/** A broker speaks for itself only: another one's file it does not know. */
function describeBroker({ nodeId, brokerSettings: { layers } }: NodeView, name: string): Described {
  if (name === allBrokers) return configs(describedAllBrokers(layers))
  const fault = brokerNameFault(name, nodeId, `${nodeId} or empty string,`)
  return fault === undefined ? configs(describedBroker(layers)) : invalid(fault)
}

function describeLoggers({ nodeId }: NodeView, name: string): Described {
  if (name === "") return invalid("Broker id must not be empty")
  const fault = brokerNameFault(name, nodeId, String(nodeId))
  return fault === undefined ? configs(describedLoggers) : invalid(fault)
}

function brokerNameFault(name: string, nodeId: number, expected: string): string | undefined {
  if (!/^[+-]?\d{1,10}$/.test(name)) return `Broker id must be an integer, but it is: ${name}`
  if (Number(name) === nodeId) return undefined
  return `Unexpected broker id, expected ${expected} but received ${name}`
}

function shown(entry: ConfigEntry, { includeSynonyms, includeDocumentation }: Request) {
  if (includeSynonyms && includeDocumentation) return entry
  return {
    ...entry,
    synonyms: includeSynonyms ? entry.synonyms : [],
    documentation: includeDocumentation ? entry.documentation : null,
  }
}

function result(node: NodeView, resource: Resource, request: Request): Result {
  const { resourceType, resourceName, configurationKeys } = resource
  const described = describe(node, resourceType, resourceName)
  if (described._tag === "refused") {
    const { errorCode, errorMessage } = described
    return { errorCode, errorMessage, resourceType, resourceName, configs: [] }
  }
  const asked = new Set(configurationKeys)
  return {
    errorCode: ErrorCode.NONE,
    errorMessage: "",
    resourceType,
    resourceName,
    configs: described.entries
      .filter(({ name }) => asked.size === 0 || asked.has(name))
      .map((entry) => shown(entry, request)),
  }
}

const tooMany = ({ resourceType, resourceName }: Resource): Result => ({
  errorCode: ErrorCode.INVALID_REQUEST,
  errorMessage: `No more than ${entriesMax} configs are described at once.`,
  resourceType,
  resourceName,
  configs: [],
})

export function handleDescribeConfigs(request: Request, { node }: RequestContext): Outcome {
  let left = entriesMax
  const results = request.resources.map((resource) => {
    if (left <= 0) return tooMany(resource)
    const described = result(node, resource, request)
    left -= described.configs?.length ?? 0
    return described
  })
  return answer({ results } satisfies Response)
}
