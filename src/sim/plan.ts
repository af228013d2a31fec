/**
 * The faults of a seed, drawn before it runs: each class at its own rate from its own stream, so
 * that a class switched off leaves the others as they were. Where storage faults may strike is
 * decided when they do (`atlas.ts`): the plan cannot know who is repaired by then.
 */
import type { Prng } from "../../raft/prng.ts"
import type { SimCase } from "./case.ts"
import type { Fault, FaultKind, Target } from "./faults.ts"
import { drawOptions, faultClasses } from "./options.ts"
import type { FaultClass, SimOptions } from "./options.ts"
import { stream } from "./random.ts"

/** The cluster forms and the first topics are made before anything happens to it. */
const quietMs = 1_000
/** Of one class, however often it strikes. */
const classFaultsMax = 100

/** What a seed runs; `change` between the draw of the options and that of the plan. */
export function drawCase(
  seed: number,
  change: (options: SimOptions) => SimOptions = (options) => options,
): SimCase {
  const options = change(drawOptions(seed))
  return { options, plan: drawPlan(options) }
}

export function drawPlan(options: SimOptions): ReadonlyArray<Fault> {
  const faults = faultClasses.flatMap((name) => drawClass(name, options))
  // Stable: equal times stay in the order of the classes.
  return faults.toSorted((a, b) => a.atMs - b.atMs)
}

function drawClass(name: FaultClass, options: SimOptions): ReadonlyArray<Fault> {
  const meanGapMs = options.faults[name]
  if (meanGapMs === undefined) return []
  const prng = stream(options.seed, `plan ${name}`)
  const faults: Array<Fault> = []
  let atMs = quietMs
  for (let i = 0; i < classFaultsMax; i++) {
    atMs += gapMs(prng, meanGapMs)
    if (atMs >= options.durationMs) break
    for (const kind of drawFault(name, prng, options)) faults.push({ atMs, ...kind })
  }
  return faults
}

/** Quantiles of the exponential distribution at (i + ½) / 16, in thousandths of its mean. */
const exponential = [
  32, 98, 170, 247, 330, 421, 521, 631, 758, 901, 1068, 1267, 1520, 1856, 2367, 3466,
]

const gapMs = (prng: Prng, meanMs: number) => Math.ceil((pick(prng, exponential) * meanMs) / 1_000)

const downMs = (prng: Prng) => pick(prng, [0, 50, 200, 500, 1_000, 3_000, 10_000, 30_000])
const spellMs = (prng: Prng) => pick(prng, [20, 100, 300, 700, 1_500, 3_000, 10_000])
const anyNumber = (prng: Prng) => prng.below(2 ** 20)

function target(prng: Prng, { brokers }: SimOptions): Target {
  switch (prng.below(6)) {
    case 0:
      return "metadataLeader"
    case 1:
    case 2:
      return { leaderOfPick: anyNumber(prng) }
    default:
      return prng.below(brokers)
  }
}

/** Several where one prepares another. Empty: the cluster is too small for it. */
function drawFault(name: FaultClass, prng: Prng, options: SimOptions): ReadonlyArray<FaultKind> {
  const { brokers } = options
  switch (name) {
    case "crash":
    case "crashAll":
    case "crashLoop":
    case "pause":
    case "shutdown":
      return [processFault(name, prng, options)]
    case "cut":
    case "isolate":
    case "split":
    case "bridge":
    case "ring":
      return brokers < (name === "bridge" || name === "ring" ? 3 : 2)
        ? []
        : [cuttingFault(name, prng, options)]
    case "clog":
    case "slow":
    case "resetLink":
    case "capacity":
      return brokers < 2 ? [] : [linkFault(name, prng, options)]
    case "clockJump": {
      const byMs = pick(prng, [-60_000, -1_000, -50, 50, 1_000, 60_000, 3_600_000])
      return [{ _tag: name, node: prng.below(brokers), byMs }]
    }
    case "clockDrift": {
      const perMille = prng.below(401) - 200
      return [{ _tag: name, node: prng.below(brokers), perMille }]
    }
    case "cutLog":
      return [{ _tag: name, node: target(prng, options), pick: anyNumber(prng) }]
    case "transfer":
      return [{ _tag: name, pick: anyNumber(prng) }]
    default:
      return diskFault(name, prng, options)
  }
}

function processFault(
  _tag: "crash" | "crashAll" | "crashLoop" | "pause" | "shutdown",
  prng: Prng,
  options: SimOptions,
): FaultKind {
  const power = prng.below(2) === 0
  switch (_tag) {
    case "crash": {
      const behind = pick(prng, [undefined, undefined, "commit", "sync", "send"] as const)
      const keep = pick(prng, [undefined, undefined, 0, 1, 1_000])
      return {
        _tag,
        node: target(prng, options),
        power,
        downMs: downMs(prng),
        ...(behind !== undefined && { behind }),
        ...(keep !== undefined && { keep }),
      }
    }
    case "crashAll":
      return { _tag, power, downMs: downMs(prng) }
    case "crashLoop":
      return {
        _tag,
        node: target(prng, options),
        times: 2 + prng.below(5),
        upMs: pick(prng, [5, 50, 300, 1_000]),
        downMs: pick(prng, [5, 50, 300, 1_000]),
      }
    case "pause":
      return { _tag, node: target(prng, options), forMs: spellMs(prng) }
    default:
      return { _tag, node: target(prng, options), downMs: downMs(prng) }
  }
}

function cuttingFault(
  _tag: "cut" | "isolate" | "split" | "bridge" | "ring",
  prng: Prng,
  options: SimOptions,
): FaultKind {
  const { brokers } = options
  const cutting = { mode: pick(prng, ["drop", "hold"] as const), forMs: spellMs(prng) }
  switch (_tag) {
    case "cut":
      return { _tag, ...twoBrokers(prng, brokers), ...cutting }
    case "isolate": {
      const ways = pick(prng, ["both", "both", "in", "out"] as const)
      return { _tag, node: target(prng, options), ways, ...cutting }
    }
    case "split": {
      const ways = pick(prng, ["both", "both", "out"] as const)
      return { _tag, side: someBrokers(prng, brokers), ways, ...cutting }
    }
    case "bridge":
      return { _tag, over: prng.below(brokers), side: someBrokers(prng, brokers), ...cutting }
    default:
      return { _tag, ...cutting }
  }
}

function linkFault(
  _tag: "clog" | "slow" | "resetLink" | "capacity",
  prng: Prng,
  { brokers }: SimOptions,
): FaultKind {
  const forMs = spellMs(prng)
  switch (_tag) {
    case "capacity":
      return { _tag, bytesPerMs: pick(prng, [1, 10, 100, 1_000]), forMs }
    case "clog":
      return { _tag, ...twoBrokers(prng, brokers), forMs }
    case "slow":
      return { _tag, ...twoBrokers(prng, brokers), byMs: pick(prng, [10, 100, 500, 2_000]), forMs }
    default:
      return { _tag, ...twoBrokers(prng, brokers) }
  }
}

function diskFault(
  _tag:
    | "diskStall"
    | "fsyncError"
    | "diskFull"
    | "loseTail"
    | "damageEntry"
    | "loseSentinel"
    | "restore"
    | "replaceDisk",
  prng: Prng,
  options: SimOptions,
): ReadonlyArray<FaultKind> {
  const node = target(prng, options)
  switch (_tag) {
    case "diskStall":
    case "diskFull":
      return [{ _tag, node, forMs: spellMs(prng) }]
    case "damageEntry":
      return [{ _tag, node, pick: anyNumber(prng) }]
    case "loseTail":
      return [{ _tag, node, commits: pick(prng, [1, 1, 2, 5, 20, 100]), downMs: downMs(prng) }]
    case "restore": {
      // The copy is taken now and put back at the next time.
      const broker = prng.below(options.brokers)
      const sentinel = prng.below(2) === 0
      const back: FaultKind = { _tag, node: broker, sentinel, downMs: downMs(prng) }
      return prng.below(2) === 0 ? [{ _tag: "backup", node: broker }] : [back]
    }
    default:
      return [{ _tag, node, downMs: downMs(prng) }]
  }
}

function twoBrokers(prng: Prng, brokers: number): { readonly from: number; readonly to: number } {
  const from = prng.below(brokers)
  return { from, to: (from + 1 + prng.below(brokers - 1)) % brokers }
}

/** At least one, and not all. */
function someBrokers(prng: Prng, brokers: number): ReadonlyArray<number> {
  const ids = Array.from({ length: brokers }, (_, id) => id)
  const chosen = ids.filter(() => prng.below(2) === 0)
  return chosen.length === 0 || chosen.length === brokers ? [prng.below(brokers)] : chosen
}

function pick<T>(prng: Prng, from: ReadonlyArray<T>): T {
  const at = prng.below(from.length)
  if (at >= from.length) throw new Error("nothing to draw from")
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `undefined` may be one of them
  return from[at] as T
}
