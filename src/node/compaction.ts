/**
 * Compaction on one node: as leader it decides, as replica it carries out, as follower it tells its
 * leaders how far it has come.
 */
import type { LogIndex, MemberId } from "../../raft/types.ts"
import type { GroupId, Wal } from "../../storage/wal.ts"
import { nodeOf } from "../cluster/members.ts"
import type { Partition } from "../partition/partition.ts"
import type { SipKey } from "../partition/siphash.ts"
import type { CompactedGroup } from "../peer/codec.ts"
import { CompactionDecisions } from "./compaction-decisions.ts"
import { CompactionWork } from "./compaction-work.ts"
import type { LogLevel, NodeSettings } from "./ports.ts"

export interface CompactionParts {
  readonly self: MemberId
  readonly wal: Wal
  readonly settings: NodeSettings
  readonly wallMs: () => number
  readonly hashKey: SipKey
  readonly partition: (group: GroupId) => Partition | undefined
  readonly partitions: () => Iterable<Partition>
  /** Losing it is legal: it is told again. */
  readonly tell: (nodeId: number, groups: ReadonlyArray<CompactedGroup>) => void
  readonly log: (level: LogLevel, line: string) => void
}

const tellEveryMs = 1_000
const tellAgainMs = 10_000

interface Told {
  readonly leader: number
  readonly index: LogIndex
  readonly atMs: number
}

export class Compactor {
  readonly #parts: CompactionParts
  readonly #decisions: CompactionDecisions
  readonly #work: CompactionWork
  readonly #told = new WeakMap<Partition, Told>()
  #nextTellMs = 0

  constructor(parts: CompactionParts) {
    this.#parts = parts
    const { partition, partitions } = parts
    const isHosted = (one: Partition) => partition(one.info.group) === one
    this.#work = new CompactionWork({ ...parts, isHosted })
    const tombstonesLeft = (one: Partition) => this.#work.tombstonesLeft(one)
    this.#decisions = new CompactionDecisions({ ...parts, partitions, tombstonesLeft })
  }

  tick(nowMs: number): void {
    if (this.#parts.settings.cleanerEnable) this.#decisions.tick(nowMs)
    this.#work.tick(nowMs)
    if (nowMs >= this.#nextTellMs) this.#tell(nowMs)
  }

  /** Something is to be computed, a slice at a time. */
  get pending(): boolean {
    return this.#work.pending
  }

  work(): void {
    this.#work.work()
  }

  /** Members on that node have told how far they are compacted. */
  told(member: MemberId, groups: ReadonlyArray<CompactedGroup>): void {
    for (const { group, index } of groups) {
      if (this.#parts.partition(group) !== undefined) this.#decisions.told(group, member, index)
    }
  }

  /** A new link to a node: what its disk was told to be may be no more. */
  peerReset(nodeId: number): void {
    this.#decisions.forgetMembers((member) => nodeOf(member) === nodeId)
  }

  #tell(nowMs: number): void {
    this.#nextTellMs = nowMs + tellEveryMs
    const byLeader = new Map<number, Array<CompactedGroup>>()
    for (const partition of this.#parts.partitions()) {
      if (partition.compaction.upToIndex === 0 || partition.isLeader) continue
      const { leaderNode, tombstonesDoneUpTo: index } = partition
      if (leaderNode < 0) continue
      const told = this.#told.get(partition)
      const isNews = told?.leader !== leaderNode || told.index !== index
      if (!isNews && nowMs - told.atMs < tellAgainMs) continue
      this.#told.set(partition, { leader: leaderNode, index, atMs: nowMs })
      const groups = byLeader.get(leaderNode)
      if (groups === undefined) byLeader.set(leaderNode, [{ group: partition.info.group, index }])
      else groups.push({ group: partition.info.group, index })
    }
    for (const [leader, groups] of byLeader) this.#parts.tell(leader, groups)
  }
}
