/**
 * A group whose only voter has lost something: nobody can give it back, so running it would pass a
 * hole off as the truth. It runs only when somebody says so.
 */
import { decodeConfiguration } from "../../raft/index.ts"
import type { Configuration } from "../../raft/types.ts"
import type { GroupId, GroupLog, Wal } from "../../storage/wal.ts"
import { acceptedLoss } from "../partition/accepted-loss.ts"
import type { LogLevel } from "./ports.ts"

export interface SoleVoterOptions {
  readonly wal: Wal
  readonly acceptDataLoss: boolean
  readonly log: (level: LogLevel, line: string) => void
}

/** True: the group may run; what was lost is accepted if it had to be. */
export function mayRunAlone(
  group: GroupId,
  bootstrap: Configuration,
  options: SoleVoterOptions,
): boolean {
  const log = options.wal.log(group)
  const { hardState, lastIndex } = log
  if (hardState.standing === "trusted") return true
  const { voters, votersOutgoing } = configurationOf(log, bootstrap)
  if (new Set([...voters, ...votersOutgoing]).size > 1) return true
  const name = group === 0 ? "the metadata group" : `group ${group}`
  if (!options.acceptDataLoss) {
    options.log("error", `${name} is not run: ${lossLine}`)
    return false
  }
  options.wal.commit([{ group, entries: [], hardState: acceptedLoss(log) }])
  options.log("warn", `DATA LOSS ACCEPTED: ${name} runs with what is left, up to ${lastIndex}`)
  return true
}

export const acceptHint = "to go on without what is lost: varve start --accept-data-loss"
export const lossLine = `its log has lost entries and no other broker has a copy; ${acceptHint}`

function configurationOf(log: GroupLog, bootstrap: Configuration): Configuration {
  const entry = log.configurationAt(log.lastIndex)
  if (entry !== undefined) return decodeConfiguration(entry.payload)
  return log.cut.configuration ?? bootstrap
}
