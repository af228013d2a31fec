/**
 * Kafka's loggers of a broker (resource type 8). varve has one, whose level is not altered; the
 * tools find it and hear that.
 */
import { ConfigSource } from "../../cluster/configs/broker-layers.ts"
import type { ConfigEntry } from "../../cluster/configs/config-entry.ts"
import type { Fault } from "../../cluster/controller.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"

const root = "root"

export const describedLoggers: ReadonlyArray<ConfigEntry> = [
  {
    name: root,
    value: "INFO",
    readOnly: true,
    configSource: ConfigSource.BROKER_LOGGER,
    isSensitive: false,
    synonyms: [],
    configType: 0,
    documentation: "",
  },
]

export function loggerFault(names: ReadonlyArray<string>): Fault {
  const unknown = names.find((name) => name !== root)
  if (unknown !== undefined) {
    const errorMessage = `Logger ${unknown} does not exist!`
    return { errorCode: ErrorCode.INVALID_CONFIG, errorMessage }
  }
  return {
    errorCode: ErrorCode.INVALID_REQUEST,
    errorMessage: "The level of varve's log cannot be changed.",
  }
}
