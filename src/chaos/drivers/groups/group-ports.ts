/** What every client of a group workload stands on. */
import { errorName } from "../../../protocol/error-codes.ts"
import type { OutcomeKind, Told } from "../../history/history.ts"
import type { Quirks } from "../raw/quirks.ts"
import type { RawPorts } from "../raw/raw-client.ts"

export interface GroupPorts extends RawPorts {
  readonly quirks: Quirks
  readonly log: (line: string) => void
}

/** How one request ended; `error` as it stands in a history. */
export const toldOf = (
  outcome: Exclude<OutcomeKind, "pending">,
  node: number,
  connection: number,
  error = "",
): Told => ({ outcome, node, connection, attempts: 1, error })

/** "" for none. */
export const errorText = (code: number): string => (code === 0 ? "" : errorName(code))
