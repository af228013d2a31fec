/**
 * What a group's host decides about its node. Time is counted in ticks; how long one is, the core
 * does not know.
 */
import { configurationError } from "./configuration.ts"
import type { Configuration, MemberId } from "./types.ts"

export interface RaftConfig {
  readonly id: MemberId
  /** Membership of an empty log: what the group was created with. */
  readonly bootstrap: Configuration
  /** Base; each timeout is drawn from [electionTicks, 2 × electionTicks). */
  readonly electionTicks: number
  /** Below electionTicks; a third or less leaves room for a lost heartbeat. */
  readonly heartbeatTicks: number
  /** Idle ticks of a fully replicated group before its leader asks to quiesce; 0 = never. */
  readonly quiesceTicks: number
  /**
   * Silent ticks after which a follower that has everything is told of a commit by a message of its
   * own; 0 = at once, though once per tick at most. Under load the next entries tell of it, and
   * such messages would be half of all.
   */
  readonly commitNoticeTicks: number
  /** Payload bytes per AppendEntries; an entry larger than that travels alone. */
  readonly appendBytesMax: number
  /** Unanswered AppendEntries with entries per follower. */
  readonly inflightMessagesMax: number
  /** Their bytes; one message is always allowed. */
  readonly inflightBytesMax: number
  /** State bytes per InstallSnapshot; 256 KiB when left out. */
  readonly snapshotChunkBytes?: number
  /**
   * Largest state that is offered or accepted, collected in memory; 64 MiB when left out. The same
   * on all members.
   */
  readonly snapshotBytesMax?: number
  /**
   * What the host keeps of the group here: true = a log with payloads, false = a witness's. Entries
   * and snapshots for the other kind are from before the member was made what it is, or after: they
   * are not taken. Left out: not asked.
   */
  readonly keepsPayloads?: boolean
  /** Election jitter. Nodes of a group need different ones. */
  readonly seed: number
}

export const snapshotChunkBytes = (config: RaftConfig): number =>
  config.snapshotChunkBytes ?? 256 * 1024

export const snapshotBytesMax = (config: RaftConfig): number =>
  config.snapshotBytesMax ?? 64 * 1024 * 1024

const naturals = [
  ["heartbeatTicks", 1],
  ["electionTicks", 2],
  ["quiesceTicks", 0],
  ["commitNoticeTicks", 0],
  ["appendBytesMax", 1],
  ["inflightMessagesMax", 1],
  ["inflightBytesMax", 1],
  ["seed", 0],
] as const

export function checkConfig(config: RaftConfig): void {
  if (config.id === "") throw wrong("id must not be empty")
  for (const [name, min] of naturals) {
    const value = config[name]
    if (!Number.isSafeInteger(value) || value < min) {
      throw wrong(`${name} must be an integer of at least ${min}, got ${value}`)
    }
  }
  for (const [name, value] of [
    ["snapshotChunkBytes", snapshotChunkBytes(config)],
    ["snapshotBytesMax", snapshotBytesMax(config)],
  ] as const) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw wrong(`${name} must be an integer of at least 1, got ${value}`)
    }
  }
  if (config.heartbeatTicks >= config.electionTicks) {
    throw wrong("heartbeatTicks must be less than electionTicks")
  }
  const error = configurationError(config.bootstrap)
  if (error !== null) throw wrong(`bootstrap: ${error}`)
  if (config.bootstrap.votersOutgoing.length > 0) throw wrong("a group is not created joint")
}

const wrong = (what: string): RangeError => new RangeError(`RaftConfig: ${what}`)
