/**
 * Who a group's members are is read from its log when it begins (raft/membership.ts). A member that
 * cannot read that does not know whose votes make a majority: it forgets the entry and all that
 * comes after, and its leader gives them back (damage.ts does the same with entries met later).
 */
import { CorruptEntry } from "../../storage/wal.ts"
import type { GroupId, GroupLog, Wal } from "../../storage/wal.ts"

/** The newest configuration, or one that a truncation may bring back, is not what was appended. */
export function damagedMembers(log: GroupLog): CorruptEntry | undefined {
  try {
    for (let index = log.lastIndex; index > log.cut.index;) {
      const entry = log.configurationAt(index)
      if (entry === undefined || entry.index <= log.hardState.commitIndex) break
      index = entry.index - 1
    }
  } catch (error) {
    if (error instanceof CorruptEntry) return error
    throw error
  }
  return undefined
}

/**
 * The log ends before its damaged configurations, and the group's standing is "recovering". Nothing
 * runs on it, or begins anew from it. The error of the last one; undefined: all can be read.
 */
export function forgetDamagedMembers(wal: Wal, group: GroupId): CorruptEntry | undefined {
  let found: CorruptEntry | undefined
  for (;;) {
    const damaged = damagedMembers(wal.log(group))
    if (damaged === undefined) return found
    wal.amputate(group, damaged.index)
    found = damaged
  }
}
