/**
 * Configs of subscriptions to clients' metrics (resource type 16). They are kept and shown, and
 * checked as Kafka checks them; no metrics are asked of clients.
 */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { Configs } from "../config-resources.ts"
import type { Fault } from "../controller.ts"
import { ConfigSource } from "./broker-layers.ts"
import { configEntry } from "./config-entry.ts"
import type { ConfigEntry } from "./config-entry.ts"
import { configTable } from "./config-table.ts"
import type { ConfigDefinition } from "./config-table.ts"
import { elementsOf, normalText } from "./config-values.ts"

const table = configTable(`
= Without effect: clients are not asked for metrics.
interval.ms | int | 300000 | any
  How often clients report.
match | list | "" | any
  Which clients: selector=pattern pairs.
metrics | list | "" | any
  How the names of the metrics begin; empty: none.
`)

export const clientMetricsConfig = (name: string): ConfigDefinition | undefined =>
  table.find((row) => row.name === name)

export const describedClientMetrics = (configs: Configs): ReadonlyArray<ConfigEntry> =>
  table.map((row) => {
    const value = normalText(row.type, configs.get(row.name) ?? row.default ?? "")
    const source = ConfigSource.CLIENT_METRICS
    const own = configs.has(row.name) ? [{ name: row.name, value, source }] : []
    return { ...configEntry(row, value, own), documentation: row.documentation }
  })

const selectors = [
  "client_instance_id",
  "client_id",
  "client_software_name",
  "client_software_version",
  "client_source_address",
  "client_source_port",
]

const invalid = (errorMessage: string): Fault => ({
  errorCode: ErrorCode.INVALID_REQUEST,
  errorMessage,
})

export const clientMetricsFault = (name: string, configs: Configs): Fault | undefined => {
  if (name === "") return invalid("Subscription name can't be empty")
  for (const key of configs.keys()) {
    if (clientMetricsConfig(key) === undefined) {
      return invalid(`Unknown client metrics configuration: ${key}`)
    }
  }
  const interval = configs.get("interval.ms")
  if (interval !== undefined) {
    const fault = clientMetricsConfig("interval.ms")?.fault(interval)
    if (fault !== undefined) return { errorCode: ErrorCode.INVALID_CONFIG, errorMessage: fault }
    if (Number(interval) < 100 || Number(interval) > 3_600_000) {
      return invalid(
        `Invalid value ${interval} for interval.ms, interval must be between 100 and 3600000 (1 hour)`,
      )
    }
  }
  return matchFault(configs.get("match") ?? "")
}

const matchFault = (text: string): Fault | undefined => {
  const wrong = elementsOf(text).find((pair) => {
    const [selector, pattern, ...rest] = pair.split("=").map((word) => word.trim())
    return rest.length > 0 || pattern === undefined || !selectors.includes(selector ?? "")
  })
  if (wrong === undefined) return undefined
  return {
    errorCode: ErrorCode.INVALID_CONFIG,
    errorMessage: `Illegal client matching pattern: ${wrong}`,
  }
}
