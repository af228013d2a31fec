/** What the schedule must know of each kind before anything runs. */
import type { FaultKind } from "../fault.ts"

/** What a fault holds while it lasts: two that want the same do not overlap. */
export type Hold = "processes" | "peerLinks" | "clientLinks" | "leadership" | "clients"

export interface Traits {
  /** Of how long it lasts, ms; drawn evenly on a logarithmic scale. */
  readonly lastsMs: readonly [min: number, max: number]
  /** What the heal and the recovery take after that, about, ms; more only delays what follows. */
  readonly recoversMs: number
  /** How often it is drawn, against the others. */
  readonly weight: number
  /**
   * Whom it can keep from its work: nobody, one broker (chosen when it strikes), or more than one.
   */
  readonly strikes: "none" | "one" | "many"
  readonly holds: ReadonlyArray<Hold>
  /** Nothing else may happen meanwhile. */
  readonly alone: boolean
  /** Smallest cluster in which it means something. */
  readonly nodesMin: number
}

const of = (
  lastsMs: Traits["lastsMs"],
  strikes: Traits["strikes"],
  holds: ReadonlyArray<Hold>,
  more: Partial<Pick<Traits, "weight" | "alone" | "nodesMin" | "recoversMs">> = {},
): Traits => ({
  lastsMs,
  strikes,
  holds,
  recoversMs: holds.includes("processes") ? 2_500 : 0,
  weight: 2,
  alone: false,
  nodesMin: 1,
  ...more,
})

/** Alone: whatever has to do with files, power, or a majority. */
const alone = { alone: true }
const slow = { alone: true, recoversMs: 4_000 }

export const traits: Readonly<Record<FaultKind, Traits>> = {
  kill: of([500, 6_000], "one", ["processes"], { weight: 4 }),
  "kill-leader": of([500, 6_000], "one", ["processes"], { weight: 4 }),
  "kill-majority": of([500, 4_000], "many", ["processes"], slow),
  "kill-all": of([200, 2_000], "many", ["processes"], slow),
  "kill-starting": of([2_000, 4_000], "one", ["processes"]),
  "crash-loop": of([4_000, 10_000], "one", ["processes"]),
  "rolling-restart": of([2_000, 5_000], "many", ["processes"], { ...alone, recoversMs: 6_000 }),
  pause: of([100, 10_000], "one", ["processes"], { weight: 4, recoversMs: 0 }),
  "pause-leader": of([2_000, 8_000], "many", ["processes"], { ...alone, weight: 4, recoversMs: 0 }),
  "partition-one": of([1_000, 8_000], "one", ["peerLinks"], { weight: 3, nodesMin: 3 }),
  "partition-leader": of([1_000, 8_000], "one", ["peerLinks"], { weight: 4, nodesMin: 3 }),
  "partition-halves": of([1_000, 8_000], "many", ["peerLinks"], { ...alone, nodesMin: 3 }),
  "partition-one-way": of([1_000, 8_000], "one", ["peerLinks"], { weight: 3, nodesMin: 3 }),
  "partition-bridge": of([1_000, 8_000], "many", ["peerLinks"], { ...alone, nodesMin: 3 }),
  "partition-ring": of([1_000, 8_000], "many", ["peerLinks"], { ...alone, nodesMin: 5 }),
  "partition-clients": of([1_000, 6_000], "one", ["clientLinks"]),
  flapping: of([3_000, 10_000], "one", ["peerLinks"], { nodesMin: 3 }),
  latency: of([2_000, 8_000], "none", ["peerLinks", "clientLinks"]),
  bandwidth: of([2_000, 6_000], "none", ["peerLinks"], { nodesMin: 2 }),
  resets: of([2_000, 6_000], "none", ["peerLinks", "clientLinks"]),
  "peer-frames": of([3_000, 8_000], "none", ["peerLinks"], { weight: 3, nodesMin: 2 }),
  "lost-responses": of([2_000, 8_000], "none", ["clientLinks"], { weight: 3 }),
  power: of([500, 3_000], "many", ["processes"], slow),
  "fsync-error": of([1_000, 4_000], "many", ["processes"], alone),
  "held-commits": of([1_000, 4_000], "many", ["processes"], alone),
  "disk-full": of([2_000, 5_000], "many", ["processes"], alone),
  "slow-disk": of([2_000, 6_000], "many", ["processes"], alone),
  "bit-flips": of([1_000, 4_000], "many", ["processes"], slow),
  truncation: of([1_000, 4_000], "many", ["processes"], slow),
  "old-copy": of([6_000, 9_000], "many", ["processes"], slow),
  "wiped-disk": of([1_000, 4_000], "many", ["processes"], slow),
  "wiped-then-cut": of([5_000, 9_000], "many", ["processes", "peerLinks"], {
    ...slow,
    nodesMin: 3,
  }),
  transfers: of([3_000, 8_000], "none", ["leadership"], { nodesMin: 2 }),
  membership: of([3_000, 8_000], "many", ["leadership"], { ...alone, nodesMin: 3 }),
  "clock-jump": of([2_000, 6_000], "many", ["processes"], alone),
  "zombie-producer": of([2_000, 6_000], "none", ["clients"]),
  "consumer-pause": of([4_000, 16_000], "none", ["clients"]),
}

/** Whether these two may last at the same time, in the model that is claimed. */
export function mayOverlap(a: FaultKind, b: FaultKind): boolean {
  const [one, other] = [traits[a], traits[b]]
  if (a === b || one.alone || other.alone) return false
  return !one.holds.some((hold) => other.holds.includes(hold))
}
