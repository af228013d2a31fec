/**
 * A group whose only voter has lost something: nobody can give it back, so running it would pass a
 * hole off as the truth. It runs only when somebody says so.
 */
import { decodeConfiguration } from "../../raft/index.ts"
import type { Configuration } from "../../raft/types.ts"
import type { GroupId, GroupLog, Wal } from "../../storage/wal.ts"
import { acceptedLoss } from "../partition/accepted-loss.ts"
import type { LogLevel } from "./ports.ts"
import { isAlone } from "./testifiers.ts"

export interface SoleVoterOptions {
  readonly wal: Wal
  readonly acceptDataLoss: boolean
  readonly log: (level: LogLevel, line: string) => void
}

export interface Birth {
  readonly bootstrap: Configuration
  /**
   * The newest metadata says that this disk votes. It may have voted alone when the group began and
   * have been sent away since: then its log was emptied, and others hold what it had.
   */
  readonly votes: boolean
}

/** True: the group may run; what was lost is accepted if it had to be. */
export function mayRunAlone(
  group: GroupId,
  { bootstrap, votes }: Birth,
  options: SoleVoterOptions,
): boolean {
  const log = options.wal.log(group)
  const { hardState, lastIndex } = log
  if (hardState.standing === "trusted") return true
  const known = configurationOf(log)
  if (known === null && !votes) return true
  if (!isAlone(known ?? bootstrap)) return true
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

/** Null: nothing has been said since the group began. */
function configurationOf(log: GroupLog): Configuration | null {
  const entry = log.configurationAt(log.lastIndex)
  if (entry !== undefined) return decodeConfiguration(entry.payload)
  return log.cut.configuration
}
