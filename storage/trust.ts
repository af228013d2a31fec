/**
 * Judging every group of an opened log, from what the journal, the sentinel and the replay say of
 * it. The rules are in verdict.ts; here is what is asked, and what is done about it.
 */
import { emptyHardState, type HardState } from "../raft/types.ts"
import type { Admission } from "./admission.ts"
import type { Damages } from "./damages.ts"
import { chainUnknown, sentinelOf } from "./sentinel.ts"
import type { GroupSentinel } from "./sentinel-record.ts"
import type { SqliteGroupLog } from "./sqlite-group-log.ts"
import { judge, type JournalVerdict } from "./verdict.ts"
import { CorruptEntry, type GroupId } from "./wal.ts"

/** What must be made durable before a group begins. */
export interface Correction {
  readonly group: GroupId
  /** Undefined: the group is not one, a damaged row spoke of it. */
  readonly hardState: HardState | undefined
  /**
   * "end": what is stored behind the log's end is forgotten; "all": all that is stored of the
   * group; "none": entries stay as they are.
   */
  readonly forget: "none" | "end" | "all"
}

export interface Judgement {
  readonly corrections: ReadonlyArray<Correction>
  /** What the log is from now on: the sentinel's new contents. */
  readonly sentinel: ReadonlyMap<GroupId, GroupSentinel>
  /** A plain sentence for each loss: what happened and what is done. */
  readonly lines: ReadonlyArray<string>
}

export interface Evidence {
  readonly admission: Pick<Admission, "sentinel" | "sentinelExpected">
  readonly journal: JournalVerdict
  readonly logs: Map<GroupId, SqliteGroupLog>
  readonly logOf: (group: GroupId) => SqliteGroupLog
  readonly damages: Damages
  /** Dropped by a committed record: that nothing is left of them is no loss. */
  readonly dropped: ReadonlySet<GroupId>
}

export function judgeLog(evidence: Evidence): Judgement {
  const { damages, logs, dropped } = evidence
  const known = sentinelGroups(evidence)
  const corrections: Array<Correction> = []
  const sentinel = new Map<GroupId, GroupSentinel>()
  const losses = new Map<string, Array<GroupId>>()
  const lines = [...damages.rows]
  const all = new Set([...logs.keys(), ...known.keys(), ...damages.groups.keys()])
  for (const group of damages.states.keys()) {
    if (!all.has(group)) corrections.push({ group, hardState: undefined, forget: "all" })
  }
  for (const group of all) {
    const log = evidence.logOf(group)
    const unknown = dropped.has(group) || !known.has(group)
    if (log.isEmpty && unknown && !damages.groups.has(group)) continue
    const { hardState, reasons } = judgeGroup(evidence, known.get(group), log)
    const damage = damages.groups.get(group)
    if (damage !== undefined) lines.push(damage.what)
    const stateLost = damages.states.get(group)
    if (stateLost !== undefined) lines.push(stateLost)
    if (damage !== undefined || stateLost !== undefined || hasChanged(hardState, log)) {
      const nothing = damage?.cutLost === true || (damage !== undefined && log.lastIndex === 0)
      const forget = damage === undefined ? "none" : nothing ? "all" : "end"
      corrections.push({ group, hardState, forget })
    }
    if (reasons.length > 0) {
      const why = `${reasons.join(", ")}: ${standingWords[hardState.standing]}`
      losses.set(why, [...(losses.get(why) ?? []), group])
    }
    sentinel.set(group, sentinelOf(hardState, log.lastIndex, log.chain))
  }
  for (const [why, groups] of losses) lines.push(`${nameGroups(groups)}: ${why}`)
  return { corrections, sentinel, lines }
}

const standingWords = {
  trusted: "nothing of it is missing",
  recovering: "counts for nothing until a leader has brought it up to date",
  amnesiac: "has no vote until all voters' terms are known and a leader has brought it up to date",
} as const

/** The sentinel's groups; none when it cannot be read. */
function sentinelGroups({ admission }: Evidence): ReadonlyMap<GroupId, GroupSentinel> {
  const { sentinel } = admission
  return sentinel._tag === "readable" ? sentinel.contents.groups : new Map()
}

function judgeGroup(
  { admission, journal, damages }: Evidence,
  known: GroupSentinel | undefined,
  log: SqliteGroupLog,
): ReturnType<typeof judge> {
  const { group } = log
  const missing = admission.sentinel._tag === "damaged" || admission.sentinel._tag === "absent"
  // The log's own word on term and vote is gone: without the sentinel's there is none.
  const stateLost = damages.states.has(group)
  const salvaged = damages.groups.has(group) || stateLost || isAnother(log, known)
  const unheard = stateLost && known === undefined
  return judge({
    journal,
    hardState: log.storedHardState ?? emptyHardState,
    lastIndex: log.lastIndex,
    sentinel: (missing && admission.sentinelExpected) || unheard ? "missing" : known,
    salvaged,
  })
}

/**
 * Whether the entry at the height the sentinel knows is not the one it knows. A log that took
 * entries of a later leader since then may have replaced it.
 */
function isAnother(log: SqliteGroupLog, known: GroupSentinel | undefined): boolean {
  if (known === undefined || known.chain === chainUnknown) return false
  if (known.height.lastIndex > log.lastIndex) return false
  if (log.hardState.acceptedTerm !== known.height.acceptedTerm) return false
  if (known.height.lastIndex <= log.cut.index) return false
  try {
    return log.chainAt(known.height.lastIndex) !== known.chain
  } catch (error) {
    if (error instanceof CorruptEntry) return true
    throw error
  }
}

function hasChanged(hardState: HardState, log: SqliteGroupLog): boolean {
  const { term, votedFor, standing } = log.hardState
  return (
    hardState.term !== term || hardState.votedFor !== votedFor || hardState.standing !== standing
  )
}

function nameGroups(groups: ReadonlyArray<GroupId>): string {
  const shown = groups.slice(0, 8).join(", ")
  const rest = groups.length > 8 ? ` and ${groups.length - 8} more` : ""
  return `group${groups.length > 1 ? "s" : ""} ${shown}${rest}`
}
