/** IncrementalAlterConfigs: what single operations make of a resource's configs. */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { Configs } from "../config-resources.ts"
import type { Fault } from "../controller.ts"
import type { ConfigDefinition } from "./config-table.ts"

/** Kafka's numbers (AlterConfigOp.OpType). */
export const Operation = { SET: 0, DELETE: 1, APPEND: 2, SUBTRACT: 3 } as const

export interface ConfigOperation {
  readonly name: string
  readonly configOperation: number
  readonly value: string | null
}

/** Kafka's Short.MAX_VALUE. */
const valueLengthMax = 32_767

export const isTooLong = (value: string): boolean => value.length > valueLengthMax

export const tooLongMessage =
  "The configuration value cannot be added because it exceeds the maximum value size of " +
  `${valueLengthMax} bytes.`

/** By name; null: deleted. */
export type NewValues = ReadonlyMap<string, string | null>

export type Operated =
  | { readonly _tag: "values"; readonly values: NewValues }
  | { readonly _tag: "refused"; readonly fault: Fault }

export const refused = (errorCode: Fault["errorCode"], errorMessage: string | null): Operated => ({
  _tag: "refused",
  fault: { errorCode, errorMessage },
})

/** `notAList`: what to say of a list operation on `name`, which is none. */
export const operate = (
  current: Configs,
  operations: ReadonlyArray<ConfigOperation>,
  definition: (name: string) => ConfigDefinition | undefined,
  notAList: (name: string, operation: "APPEND" | "SUBTRACT") => string,
): Operated => {
  const values = new Map<string, string | null>()
  for (const { name, configOperation, value } of operations) {
    switch (configOperation) {
      case Operation.SET:
        values.set(name, value ?? "")
        continue
      case Operation.DELETE:
        values.set(name, null)
        continue
      case Operation.APPEND:
      case Operation.SUBTRACT: {
        const row = definition(name)
        const word = configOperation === Operation.APPEND ? "APPEND" : "SUBTRACT"
        if (row?.type !== "list") return refused(ErrorCode.INVALID_CONFIG, notAList(name, word))
        const before = parts(current.get(name) ?? row.default ?? "")
        const after = word === "APPEND" ? appended(before, value) : subtracted(before, value)
        values.set(name, after.join(","))
        continue
      }
      default:
        // Kafka fails here without a word.
        return refused(ErrorCode.UNKNOWN_SERVER_ERROR, null)
    }
  }
  return { _tag: "values", values }
}

const parts = (text: string): ReadonlyArray<string> => text.split(",").filter((part) => part !== "")

const appended = (before: ReadonlyArray<string>, value: string | null) => [
  ...before,
  ...(value ?? "").split(",").filter((part) => !before.includes(part)),
]

/** Each element takes one of its kind away. */
const subtracted = (before: ReadonlyArray<string>, value: string | null) => {
  const after = [...before]
  for (const part of (value ?? "").split(",")) {
    const at = after.indexOf(part)
    if (at !== -1) after.splice(at, 1)
  }
  return after
}

export const withValues = (current: Configs, values: NewValues): Configs => {
  const configs = new Map(current)
  for (const [name, value] of values) {
    if (value === null) configs.delete(name)
    else configs.set(name, value)
  }
  return configs
}
