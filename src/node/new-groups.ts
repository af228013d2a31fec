/**
 * Groups that were made after this process began. A disk that has lost what told of its groups
 * (Wal.forgetful) may have had a vote in any that it does not know, but not in these: nobody hosts
 * a group before its creation is committed in group 0.
 *
 * What was committed there before is not above the greatest end of group 0's log that this disk and
 * all its peers tell: a majority had it, and of that at most a minority has lost it.
 */
import type { GroupId } from "../../storage/wal.ts"
import type { LogIndex } from "../../raft/types.ts"
import { metadataGroupId } from "./metadata-group.ts"
import type { Hello } from "./ports.ts"

export class NewGroups {
  readonly #isAlone: boolean
  readonly #unheard: Set<number>
  #endMax: LogIndex
  /** Ids ascend in the order of creation. */
  #from: GroupId = Number.POSITIVE_INFINITY

  /** `lastIndex`: the end of group 0's log on this disk. */
  constructor(peers: Iterable<number>, lastIndex: LogIndex) {
    this.#unheard = new Set(peers)
    this.#isAlone = this.#unheard.size === 0
    this.#endMax = lastIndex
  }

  /** The first Hello of a peer in this process's life counts: later ones can only tell more. */
  heard({ nodeId, heights }: Hello): void {
    if (!this.#unheard.delete(nodeId)) return
    for (const { group, lastIndex } of heights) {
      if (group === metadataGroupId) this.#endMax = Math.max(this.#endMax, lastIndex)
    }
  }

  /** Told in the order of group 0's log: the group was made by an entry above `after`. */
  created(group: GroupId, after: LogIndex): void {
    if (this.#isAlone || this.#unheard.size > 0 || after < this.#endMax) return
    this.#from = Math.min(this.#from, group)
  }

  has(group: GroupId): boolean {
    return group >= this.#from
  }
}
