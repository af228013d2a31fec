/**
 * AlterConfigs, IncrementalAlterConfigs: what is wrong with a resource by itself, and what only the
 * addressed broker can say of its settings, is said here; the rest is decided by the metadata
 * leader and answered once this broker has applied it.
 */
import { allBrokers, configsOf, ConfigResourceType } from "../../cluster/config-resources.ts"
import { brokerConfig } from "../../cluster/configs/broker-configs.ts"
import { brokerChangeFault } from "../../cluster/configs/broker-change.ts"
import { operate, Operation, withValues } from "../../cluster/configs/config-operations.ts"
import type { ConfigOperation, Operated } from "../../cluster/configs/config-operations.ts"
import type { Fault } from "../../cluster/controller.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import { alterConfigs } from "../../protocol/messages/alter-configs.ts"
import { incrementalAlterConfigs } from "../../protocol/messages/incremental-alter-configs.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { responseOf } from "./bodies.ts"
import { loggerFault } from "./broker-loggers.ts"
import { decide, timedOutMessage } from "./controller-requests.ts"
import type { NodeView, Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"

type Response = ResponseInput<typeof incrementalAlterConfigs>
type Result = NonNullable<Response["responses"]>[number]

/** The requests name no time-out; Kafka's default for what a broker asks of another. */
const decideWaitMs = 30_000

interface Resource {
  readonly resourceType: number
  readonly resourceName: string
  readonly configs: ReadonlyArray<{ readonly name: string; readonly value: string | null }>
}

const invalid = (errorMessage: string): Fault => ({
  errorCode: ErrorCode.INVALID_REQUEST,
  errorMessage,
})

const keyOf = ({ resourceType, resourceName }: Resource): string =>
  `${resourceType}:${resourceName}`

const result = (resource: Resource, { errorCode, errorMessage }: Fault): Result => ({
  errorCode,
  errorMessage,
  resourceType: resource.resourceType,
  resourceName: resource.resourceName,
})

/** Whatever the type: keys once, and with values. */
function formFault<R extends Resource>(
  resource: R,
  hasValue: (config: R["configs"][number]) => boolean,
): Fault | undefined {
  const names = resource.configs.map(({ name }) => name)
  if (new Set(names).size < names.length) return invalid("Error due to duplicate config keys")
  const nulls = resource.configs.filter((config) => !hasValue(config)).map(({ name }) => name)
  if (nulls.length === 0) return undefined
  return invalid(`Null value not supported for : ${nulls.join(", ")}`)
}

function nodeFault(name: string, nodeId: number): Fault | undefined {
  if (!/^[+-]?\d{1,10}$/.test(name))
    return invalid(`Node id must be an integer, but it is: ${name}`)
  if (Number(name) === nodeId) return undefined
  return invalid(`Unexpected broker id, expected ${nodeId}, but received ${name}`)
}

/** `altered`: what the broker's configs would become. */
function brokerFault(
  resource: Resource,
  node: NodeView,
  altered: () => Operated,
): Fault | undefined {
  const { resourceName } = resource
  const perBroker = resourceName !== allBrokers
  const wrongNode = perBroker ? nodeFault(resourceName, node.nodeId) : undefined
  if (wrongNode !== undefined) return wrongNode
  const made = altered()
  if (made._tag === "refused") return made.fault
  const current = configsOf(node.image, ConfigResourceType.BROKER, resourceName)
  const fault = brokerChangeFault(withValues(current, made.values), perBroker)
  return fault === undefined ? undefined : invalid(fault)
}

function operatedBroker(
  node: NodeView,
  name: string,
  operations: ReadonlyArray<ConfigOperation>,
): Operated {
  const wrong = operations.find(({ configOperation }) => configOperation > Operation.SUBTRACT)
  if (wrong !== undefined) {
    return {
      _tag: "refused",
      fault: invalid(`Unknown operations type ${wrong.configOperation}`),
    }
  }
  const current = configsOf(node.image, ConfigResourceType.BROKER, name)
  return operate(current, operations, brokerConfig, (config, operation) =>
    brokerConfig(config) === undefined
      ? `Unknown config name: ${config}`
      : `Config value ${operation.toLowerCase()} is not allowed for config key: ${config}`,
  )
}

const { TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP } = ConfigResourceType
const decidedElsewhere: ReadonlyArray<number> = [TOPIC, CLIENT_METRICS, GROUP]

const unknownType = (resource: Resource): Fault =>
  invalid(`Unknown resource type ${resource.resourceType}`)

/** What was found wrong here, by resource; named twice, neither counts. */
function found<R extends Resource>(
  resources: ReadonlyArray<R>,
  look: (resource: R) => Fault | undefined,
): ReadonlyMap<R, Fault> {
  const counts = new Map<string, number>()
  for (const resource of resources) {
    counts.set(keyOf(resource), (counts.get(keyOf(resource)) ?? 0) + 1)
  }
  const faults = new Map<R, Fault>()
  for (const resource of resources) {
    const fault =
      counts.get(keyOf(resource)) === 1
        ? look(resource)
        : invalid("Each resource must appear at most once.")
    if (fault !== undefined) faults.set(resource, fault)
  }
  return faults
}

function reassembled(
  resources: ReadonlyArray<Resource>,
  faults: ReadonlyMap<Resource, Fault>,
  decided: ReadonlyArray<Result>,
): Response {
  const byKey = new Map(decided.map((one) => [`${one.resourceType}:${one.resourceName}`, one]))
  const nobody = { errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, errorMessage: null }
  return {
    responses: resources.map((resource) => {
      const fault = faults.get(resource)
      if (fault !== undefined) return result(resource, fault)
      return byKey.get(keyOf(resource)) ?? result(resource, nobody)
    }),
  }
}

const timedOut = (resources: ReadonlyArray<Resource>): Response => ({
  responses: resources.map((resource) =>
    result(resource, { errorCode: ErrorCode.REQUEST_TIMED_OUT, errorMessage: timedOutMessage }),
  ),
})

export function handleIncrementalAlterConfigs(
  request: RequestOf<typeof incrementalAlterConfigs>,
  context: RequestContext,
): Outcome {
  const { node } = context
  const { resources } = request
  const faults = found(resources, (resource) => {
    const fault = formFault(
      resource,
      ({ configOperation, value }) => value !== null || configOperation === Operation.DELETE,
    )
    if (fault !== undefined) return fault
    if (resource.resourceType === BROKER) {
      return brokerFault(resource, node, () =>
        operatedBroker(node, resource.resourceName, resource.configs),
      )
    }
    if (resource.resourceType === BROKER_LOGGER) {
      return (
        nodeFault(resource.resourceName, node.nodeId) ??
        loggerFault(resource.configs.map(({ name }) => name))
      )
    }
    return decidedElsewhere.includes(resource.resourceType) ? undefined : unknownType(resource)
  })
  const left = resources.filter((resource) => !faults.has(resource))
  if (left.length === 0) return answer(reassembled(resources, faults, []))
  const question = {
    apiKey: incrementalAlterConfigs.key,
    body: { ...request, resources: left },
    timeoutMs: decideWaitMs,
    timedOut: () => reassembled(resources, faults, timedOut(left).responses ?? []),
    topics: () => [],
    finish: (response: object) =>
      reassembled(resources, faults, responseOf(incrementalAlterConfigs, response).responses),
  }
  return decide(question, context)
}

export function handleAlterConfigs(
  request: RequestOf<typeof alterConfigs>,
  context: RequestContext,
): Outcome {
  const { node } = context
  const { resources } = request
  const faults = found(resources, (resource) => {
    const fault = formFault(resource, ({ value }) => value !== null)
    if (fault !== undefined) return fault
    if (resource.resourceType === BROKER) {
      return brokerFault(resource, node, () => replacedBroker(node, resource))
    }
    return decidedElsewhere.includes(resource.resourceType) ? undefined : unknownType(resource)
  })
  const left = resources.filter((resource) => !faults.has(resource))
  if (left.length === 0) return answer(reassembled(resources, faults, []))
  const question = {
    apiKey: alterConfigs.key,
    body: { ...request, resources: left },
    timeoutMs: decideWaitMs,
    timedOut: () => reassembled(resources, faults, timedOut(left).responses ?? []),
    topics: () => [],
    finish: (response: object) =>
      reassembled(resources, faults, responseOf(alterConfigs, response).responses),
  }
  return decide(question, context)
}

function replacedBroker(node: NodeView, { resourceName, configs }: Resource): Operated {
  const values = new Map<string, string | null>()
  const current = configsOf(node.image, ConfigResourceType.BROKER, resourceName)
  for (const name of current.keys()) values.set(name, null)
  for (const { name, value } of configs) values.set(name, value)
  return { _tag: "values", values }
}
