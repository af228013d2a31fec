/**
 * Who leads what, as far as this broker knows: from its own groups and from the reports of leaders.
 * Metadata answers from here. Invariants: a group's (leader, term) never goes back to a lower term;
 * one term never has two leaders (Raft §5.2); the ISR is the one that the leader of the newest term
 * last reported.
 */
import type { GroupId } from "../../storage/wal.ts"

export interface LeaderState {
  /** −1: none known in this term or any later one. */
  readonly leader: number
  readonly term: number
  /** Node ids, ascending; empty before the first report. */
  readonly isr: ReadonlyArray<number>
}

export type LeaderReport = { readonly group: GroupId } & LeaderState

export type LeaderChange = (group: GroupId, before: LeaderState, after: LeaderState) => void

const unknown: LeaderState = { leader: -1, term: 0, isr: [] }

function sameNodes(a: ReadonlyArray<number>, b: ReadonlyArray<number>): boolean {
  return a.length === b.length && a.every((node, i) => node === b[i])
}

export class LeaderView {
  readonly #states = new Map<GroupId, LeaderState>()
  readonly #onChange: LeaderChange

  constructor(onChange: LeaderChange) {
    this.#onChange = onChange
  }

  state(group: GroupId): LeaderState {
    return this.#states.get(group) ?? unknown
  }

  /** What a leader says about itself (leader −1: it stepped down in that term). */
  report(report: LeaderReport, from: number): void {
    const known = this.state(report.group)
    if (report.term < known.term) return
    if (report.leader === -1) {
      // Only the leader of that very term can take its leadership back; a newer term has its own
      // word.
      if (report.term > known.term || known.leader === from) {
        this.#set(report.group, { leader: -1, term: report.term, isr: known.isr })
      }
      return
    }
    if (report.leader !== from) return
    if (report.term === known.term && known.leader !== from && known.leader !== -1) return
    this.#set(report.group, { leader: from, term: report.term, isr: report.isr })
  }

  /** What a member of the group sees: the leader of its current term, or −1 while there is none. */
  observe(group: GroupId, leader: number, term: number): void {
    const known = this.state(group)
    if (term < known.term || (term === known.term && leader === known.leader)) return
    if (leader === -1) return
    if (term === known.term && known.leader !== -1) return
    this.#set(group, { leader, term, isr: known.isr })
  }

  /** That node's process ended: what it led it leads no more, in any term seen so far. */
  leaderGone(node: number): void {
    for (const [group, state] of this.#states) {
      if (state.leader === node) this.#set(group, { ...state, leader: -1 })
    }
  }

  forgetWhere(gone: (group: GroupId) => boolean): void {
    for (const group of this.#states.keys()) if (gone(group)) this.#states.delete(group)
  }

  ledBy(node: number): ReadonlyArray<GroupId> {
    const groups: GroupId[] = []
    for (const [group, state] of this.#states) if (state.leader === node) groups.push(group)
    return groups
  }

  #set(group: GroupId, next: LeaderState): void {
    const known = this.#states.get(group)
    if (
      known !== undefined &&
      known.leader === next.leader &&
      known.term === next.term &&
      sameNodes(known.isr, next.isr)
    ) {
      return
    }
    this.#states.set(group, next)
    this.#onChange(group, known ?? unknown, next)
  }
}
