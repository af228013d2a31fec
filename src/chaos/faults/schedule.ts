/**
 * The faults of a run, drawn from its seed before anything runs. Between two bouts there is quiet;
 * a bout is one fault, or a few that may overlap: never beyond the model that is claimed.
 */
import type { Prng } from "../../../raft/prng.ts"
import { stream } from "../../../raft/prng.ts"
import type { Capability } from "../cluster.ts"
import type { FaultKind, FaultPlan } from "../fault.ts"
import type { RunOptions } from "../result.ts"
import { impossibleHere } from "./needs.ts"
import { mayOverlap, traits } from "./traits.ts"

export interface ScheduleOptions {
  readonly seed: number
  readonly faultWindowMs: number
  readonly kinds: ReadonlyArray<FaultKind>
  readonly nodes: number
  readonly profile: RunOptions["profile"]
  /** From the beginning of one bout to the next, on average; default: the profile's. */
  readonly everyMs?: number
  /** Of the cluster; undefined: all of them. */
  readonly capabilities?: ReadonlySet<Capability>
}

export interface Schedule {
  readonly plans: ReadonlyArray<FaultPlan>
  /** Kinds that this cluster cannot suffer. */
  readonly skipped: ReadonlyArray<{ readonly kind: FaultKind; readonly why: string }>
}

interface Pace {
  readonly everyMs: number
  /** Quiet after a bout, at least; brokers have to find each other again. */
  readonly quietMs: number
  /** Longest that a fault lasts, where its kind allows to cut it. */
  readonly lastsMs: number
  readonly boutMax: number
  /** In a hundred bouts: those that are joined by a second fault. */
  readonly joinedPercent: number
}

const paces: Readonly<Record<RunOptions["profile"], Pace>> = {
  smoke: { everyMs: 4_500, quietMs: 1_500, lastsMs: 3_000, boutMax: 2, joinedPercent: 40 },
  standard: { everyMs: 7_000, quietMs: 2_000, lastsMs: 8_000, boutMax: 2, joinedPercent: 35 },
  nightly: { everyMs: 5_000, quietMs: 2_000, lastsMs: 16_000, boutMax: 3, joinedPercent: 35 },
}

/**
 * The same options give the same plans. Every kind occurs before any occurs twice; within
 * `windowNeededMs` they all do.
 */
export function planFaults(options: ScheduleOptions): Schedule {
  const kinds = [...new Set(options.kinds)]
  const skipped = kinds.flatMap((kind) => {
    const why = impossibleHere(kind, options.nodes, options.capabilities)
    return why === undefined ? [] : [{ kind, why }]
  })
  const left = kinds.filter((kind) => skipped.every((one) => one.kind !== kind))
  return { plans: left.length === 0 ? [] : new Scheduler(options, left).plans(), skipped }
}

/** In a window of this length every one of these kinds occurs. */
export function windowNeededMs(
  kinds: ReadonlyArray<FaultKind>,
  profile: RunOptions["profile"],
): number {
  return neededMs([...new Set(kinds)], paces[profile])
}

const neededMs = (kinds: ReadonlyArray<FaultKind>, pace: Pace): number =>
  kinds.reduce((sum, kind) => sum + rangeOf(kind, pace)[1] + quietAfter(kind, pace), 0)

const quietAfter = (kind: FaultKind, pace: Pace): number =>
  Math.max(pace.quietMs, traits[kind].recoversMs)

class Scheduler {
  private readonly chance: Prng
  private readonly kinds: ReadonlyArray<FaultKind>
  private readonly windowMs: number
  private readonly pace: Pace
  /** What has not occurred yet, in the order in which it shall. */
  private readonly due: Array<FaultKind>

  constructor(options: ScheduleOptions, kinds: ReadonlyArray<FaultKind>) {
    const pace = paces[options.profile]
    this.chance = stream(options.seed, "faults")
    this.kinds = kinds
    this.windowMs = options.faultWindowMs
    this.pace = { ...pace, everyMs: options.everyMs ?? pace.everyMs }
    this.due = shuffled(kinds, this.chance)
  }

  plans(): ReadonlyArray<FaultPlan> {
    const plans: Array<FaultPlan> = []
    let atMs = this.chance.below(Math.min(500, this.pace.quietMs) + 1)
    for (;;) {
      const bout = this.bout(atMs)
      if (bout === undefined) return plans
      plans.push(...bout)
      atMs = this.nextBout(bout)
    }
  }

  /** Quiet first; then what is left of the pace, unless that leaves no time for what is due. */
  private nextBout(bout: ReadonlyArray<FaultPlan>): number {
    const beganMs = Math.min(...bout.map((plan) => plan.atMs))
    const earliest = Math.max(
      ...bout.map(({ kind, atMs, durationMs }) => atMs + durationMs + quietAfter(kind, this.pace)),
    )
    const jitter = 0.7 + this.chance.below(601) / 1_000
    const wanted = beganMs + Math.round(this.pace.everyMs * jitter)
    const latest = this.windowMs - neededMs(this.due, this.pace)
    return Math.max(earliest, Math.min(wanted, latest))
  }

  /** Undefined when nothing ends within the window any more. */
  private bout(atMs: number): ReadonlyArray<FaultPlan> | undefined {
    const first = this.draw((kind) => atMs + this.rangeOf(kind)[0] <= this.windowMs)
    if (first === undefined) return undefined
    const bout = [this.plan(first, atMs, this.windowMs)]
    if (traits[first].alone) return bout
    while (bout.length < this.pace.boutMax && this.chance.below(100) < this.pace.joinedPercent) {
      const joined = this.join(bout)
      if (joined === undefined) break
      bout.push(joined)
    }
    return bout.toSorted((a, b) => a.atMs - b.atMs)
  }

  /** Begins while the first lasts. Whom it strikes is that broker that the first has struck. */
  private join(bout: ReadonlyArray<FaultPlan>): FaultPlan | undefined {
    const [first] = bout
    if (first === undefined) return undefined
    const percent = 10 + this.chance.below(60)
    const laterMs = Math.max(joinMsMin, Math.floor((first.durationMs * percent) / 100))
    const atMs = first.atMs + laterMs
    if (laterMs >= first.durationMs) return undefined
    const kind = this.draw(
      (one) =>
        bout.every((other) => mayJoin(one, atMs, other)) &&
        atMs + this.rangeOf(one)[0] <= this.windowMs,
      true,
    )
    return kind === undefined ? undefined : this.plan(kind, atMs, this.windowMs)
  }

  private plan(kind: FaultKind, atMs: number, windowMs: number): FaultPlan {
    const [min, max] = this.rangeOf(kind)
    const drawn = Math.round(min * (max / min) ** (this.chance.below(1_001) / 1_000))
    const seed = this.chance.nextUint32()
    return { kind, atMs, durationMs: Math.min(drawn, windowMs - atMs), seed }
  }

  /** What is due first, else by weight: `onlyDue` while anything is, for what costs extra time. */
  private draw(fits: (kind: FaultKind) => boolean, onlyDue = false): FaultKind | undefined {
    const due = this.due.findIndex(fits)
    if (due >= 0) return this.due.splice(due, 1)[0]
    if (onlyDue && this.due.length > 0) return undefined
    const fitting = this.kinds.filter(fits)
    const sum = fitting.reduce((total, kind) => total + traits[kind].weight, 0)
    if (sum === 0) return undefined
    let at = this.chance.below(sum)
    return fitting.find((kind) => (at -= traits[kind].weight) < 0)
  }

  private rangeOf(kind: FaultKind): readonly [min: number, max: number] {
    return rangeOf(kind, this.pace)
  }
}

const mayJoin = (kind: FaultKind, atMs: number, other: FaultPlan): boolean =>
  mayOverlap(kind, other.kind) &&
  (other.atMs > atMs || mayFollow(kind, other.kind)) &&
  (other.atMs < atMs || mayFollow(other.kind, kind))

/** The first has bitten by then. */
const joinMsMin = 300

/**
 * A leader is not sought among brokers that are struck already: it would not be one for long. And
 * to a broker that is down nothing goes that a cut could stop.
 */
function mayFollow(kind: FaultKind, first: FaultKind): boolean {
  if (kind.endsWith("-leader")) return false
  const isDown = traits[first].strikes === "one" && traits[first].holds.includes("processes")
  return !(isDown && traits[kind].strikes === "one")
}

function rangeOf(kind: FaultKind, pace: Pace): readonly [min: number, max: number] {
  const [min, max] = traits[kind].lastsMs
  return [min, Math.max(min, Math.min(max, pace.lastsMs))]
}

function shuffled<A>(items: ReadonlyArray<A>, chance: Prng): Array<A> {
  const left = [...items]
  return items.flatMap(() => left.splice(chance.below(left.length), 1))
}
