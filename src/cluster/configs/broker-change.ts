/**
 * Whether a broker may be given these configs: asked of the broker that is addressed, before the
 * metadata leader stores them. In Kafka's words; its code for all of it is INVALID_REQUEST.
 */
import type { Configs } from "../config-resources.ts"
import { brokerConfig, isPerBroker, withoutListener } from "./broker-configs.ts"
import { topicDefault } from "./broker-layers.ts"

const listed = (wrong: ReadonlyArray<string>): string => `[${wrong.join(", ")}]`

/** `perBroker`: for one broker, not for all. Names that nobody knows are taken, as Kafka does. */
export const brokerChangeFault = (configs: Configs, perBroker: boolean): string | undefined => {
  const names = [...configs.keys()]
  const fixed = names.filter((name) => brokerConfig(name)?.mode === "fixed")
  if (fixed.length > 0) return `Cannot update these configs dynamically: ${listed(fixed)}`
  const ofListeners = names.filter((name) => brokerConfig(name)?.mode === "listener")
  if (ofListeners.length > 0) {
    return (
      "These security configs can be dynamically updated only per-listener using the listener " +
      `prefix: ${listed(ofListeners)}`
    )
  }
  for (const [name, value] of configs) {
    const fault = valueFault(name, value)
    if (fault !== undefined) return fault
  }
  const bound = perBroker ? [] : names.filter(isPerBroker)
  if (bound.length > 0) {
    return (
      "Cannot update these configs at default cluster level, broker id must be specified: " +
      listed(bound)
    )
  }
  return retentionFault(configs)
}

const valueFault = (name: string, value: string): string | undefined => {
  const row = brokerConfig(withoutListener(name))
  if (row === undefined) return undefined
  const fault = row.fault(value)
  if (fault !== undefined) return fault
  if (row.refusal === undefined || value.trim() === (row.default ?? "")) return undefined
  return `${name} cannot be set: ${row.refusal}`
}

const retentionFault = (configs: Configs): string | undefined => {
  const none: Configs = new Map()
  const retention = topicDefault({ own: configs, shared: none, file: none }, "log.retention.ms")
  if (retention === null || Number(retention) !== 0) return undefined
  return "requirement failed: log.retention.ms must be unlimited (-1) or, greater than or equal to 1"
}
