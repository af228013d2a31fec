/**
 * What can go wrong, as plain JSON: a plan of faults can be kept, replayed and made smaller. What a
 * fault needs of chance it carries as `pick`, so that it means the same beside fewer others.
 */
import type { CrashPoint } from "./broker.ts"
import type { CutMode } from "./link.ts"

/** A broker by its id, or by what it leads when the fault strikes. */
export type Target = number | "metadataLeader" | { readonly leaderOfPick: number }

/** Without `forMs`: until the network is healed. */
interface Cutting {
  readonly mode: CutMode
  readonly forMs?: number
}

/** The broker is started again after so long; without it only by `start`, or at the healing. */
interface Downing {
  readonly node: Target
  readonly downMs?: number
}

/**
 * Hurts what a broker promised: refused where more than a minority would be hurt, but for `beyond`.
 */
interface Hurting extends Downing {
  readonly beyond?: boolean
}

export type FaultKind =
  // processes
  | ({
      readonly _tag: "crash"
      /** The whole machine: nobody is told, and the cache of its disk is gone too. */
      readonly power: boolean
      /** Default: now. */
      readonly behind?: CrashPoint
      /** So many of these are let pass first. */
      readonly skip?: number
      /** Commits that survive without having been fsynced; without it the disk decides. */
      readonly keep?: number
    } & Downing)
  | { readonly _tag: "crashAll"; readonly power: boolean; readonly downMs?: number }
  | { readonly _tag: "start"; readonly node: number }
  | {
      readonly _tag: "crashLoop"
      readonly node: Target
      readonly times: number
      readonly upMs: number
      readonly downMs: number
    }
  | { readonly _tag: "pause"; readonly node: Target; readonly forMs: number }
  /** The broker hands over and ends in order. */
  | ({ readonly _tag: "shutdown" } & Downing)
  // network
  | ({ readonly _tag: "cut"; readonly from: number; readonly to: number } & Cutting)
  | ({
      readonly _tag: "isolate"
      readonly node: Target
      /** "in": nothing reaches it. */
      readonly ways: "both" | "in" | "out"
    } & Cutting)
  /** `side` against the others; "out": they do not hear it. */
  | ({
      readonly _tag: "split"
      readonly side: ReadonlyArray<number>
      readonly ways: "both" | "out"
    } & Cutting)
  /** Both sides reach `over`, and not each other. */
  | ({
      readonly _tag: "bridge"
      readonly over: number
      readonly side: ReadonlyArray<number>
    } & Cutting)
  /** Each reaches only its neighbours. */
  | ({ readonly _tag: "ring" } & Cutting)
  | { readonly _tag: "heal" }
  | { readonly _tag: "clog"; readonly from: number; readonly to: number; readonly forMs: number }
  | {
      readonly _tag: "slow"
      readonly from: number
      readonly to: number
      readonly byMs: number
      readonly forMs: number
    }
  | { readonly _tag: "resetLink"; readonly from: number; readonly to: number }
  /** Every link of all. */
  | { readonly _tag: "capacity"; readonly bytesPerMs: number; readonly forMs: number }
  // clocks
  | { readonly _tag: "clockJump"; readonly node: number; readonly byMs: number }
  | { readonly _tag: "clockDrift"; readonly node: number; readonly perMille: number }
  // disks
  | { readonly _tag: "diskStall"; readonly node: Target; readonly forMs: number }
  | ({ readonly _tag: "fsyncError" } & Downing)
  | { readonly _tag: "diskFull"; readonly node: Target; readonly forMs: number }
  /** Power cut, and the journal is bad in the middle: durable commits are gone. */
  | ({ readonly _tag: "loseTail"; readonly commits: number } & Hurting)
  /** An entry's bytes change on the disk; found when it is read, or at an open. */
  | {
      readonly _tag: "damageEntry"
      readonly node: Target
      readonly pick: number
      readonly beyond?: boolean
    }
  | ({ readonly _tag: "loseSentinel" } & Hurting)
  | { readonly _tag: "backup"; readonly node: number }
  /**
   * The copy that `backup` took is put back under today's sentinel, or with that of then: only where
   * peers that run can tell.
   */
  | ({ readonly _tag: "restore"; readonly sentinel: boolean } & Hurting)
  /** A new, empty disk under the same broker id. */
  | ({ readonly _tag: "replaceDisk" } & Hurting)
  // inside the broker
  /** The prefix of one of its logs is cut, as retention does. */
  | { readonly _tag: "cutLog"; readonly node: Target; readonly pick: number }
  | { readonly _tag: "transfer"; readonly pick: number }

/** `atMs`: since the world began. */
export type Fault = { readonly atMs: number } & FaultKind
