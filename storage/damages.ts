/**
 * What a replay could not read. A log is not refused for it: every group keeps its longest sound
 * prefix, and what is said here decides how far the rest is believed (trust.ts).
 */
import { CorruptEntry, type GroupId } from "./wal.ts"

export interface GroupDamage {
  readonly what: string
  /** The group's cut cannot be read: nothing of its entries can be placed. */
  readonly cutLost: boolean
}

export class Damages {
  /** Rows that are not readable or missing: of which groups' entries nobody can say. */
  readonly rows: Array<string> = []
  readonly groups = new Map<GroupId, GroupDamage>()
  /** Groups whose stored term and vote are not those that were written. */
  readonly states = new Map<GroupId, string>()

  get none(): boolean {
    return this.rows.length + this.groups.size + this.states.size === 0
  }

  /** The first damage of a group is what its others follow from. */
  group(group: GroupId, what: string, cutLost = false): void {
    const known = this.groups.get(group)
    if (known === undefined || (cutLost && !known.cutLost))
      this.groups.set(group, { what, cutLost })
  }

  /** What cannot be placed because something it builds on is not readable is lost with it. */
  guard(group: GroupId, action: () => void): void {
    try {
      action()
    } catch (error) {
      if (!(error instanceof CorruptEntry)) throw error
      this.group(group, error.message, true)
    }
  }

  /** What was found has been judged before: an amputation stands behind it. */
  forgive(group: GroupId): void {
    this.groups.delete(group)
  }
}

/** SQLite cannot read or write the file any more: it is of no further use. */
export class UnusableSegment extends Error {
  readonly path: string
  constructor(path: string, what: string) {
    super(what)
    this.name = "UnusableSegment"
    this.path = path
  }
}
