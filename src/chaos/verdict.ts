/**
 * What a run proves (VERIFICATION §3.4). INVALID: something that was promised is broken.
 * INCONCLUSIVE: nothing is known to be broken, and the run could not have shown it. VALID: neither.
 */
import type { AnomalyKind } from "./checkers/index.ts"
import type { FaultKind, FaultRecord } from "./fault.ts"
import type { RunOptions, Verdict } from "./result.ts"

/** A broker's process ended though nothing that the run did could have ended it. */
export interface BrokerEnd {
  readonly node: number
  readonly atMs: number
  /** "exit code 1", "SIGSEGV", and its last words. */
  readonly how: string
}

export type Checked =
  | { readonly _tag: "checked"; readonly counts: Readonly<Record<string, number>> }
  /** It took longer than it may, or broke: nothing is known. */
  | { readonly _tag: "unknown"; readonly why: string }

export interface Evidence {
  readonly options: RunOptions
  readonly checked: Checked
  /** Why the cluster was not well, or some workload not served, before or after all faults. */
  readonly noProgress: ReadonlyArray<string>
  readonly brokerEnds: ReadonlyArray<BrokerEnd>
  readonly faults: ReadonlyArray<FaultRecord>
  readonly skipped: ReadonlyArray<{ readonly kind: FaultKind; readonly why: string }>
  /** Records, while faults struck. */
  readonly acknowledgedInFaults: number
  /** What else keeps the run from saying anything: a replica not read, a client's process gone. */
  readonly gaps: ReadonlyArray<string>
}

export interface Judgement {
  readonly verdict: Verdict
  /** What is wrong first, then what is missing. */
  readonly reasons: ReadonlyArray<string>
}

/** Below a twentieth of what clients would have written without faults, nothing was tried. */
const acknowledgedShare = 0.05
const acknowledgedLeast = 10

/** Of a broker that says why and stops rather than go on with a disk it cannot trust. */
const endsByItself: ReadonlySet<FaultKind> = new Set([
  "fsync-error",
  "disk-full",
  "bit-flips",
  "truncation",
  "old-copy",
  "wiped-disk",
  "wiped-then-cut",
])
/** From the deed until it is known that it bit, which is when the record begins. */
const strikesWithinMs = 15_000
/** A broker may find out a while after the fault is taken back. */
const findsOutMs = 30_000

/**
 * What one product does by design and another promises not to do; everything else fails the run.
 * Kafka's high watermark may be known late: a new leader may tell a lower one, and the end of the
 * log by it; and an answer may hold records that were committed after the watermark in it was read.
 * Its SyncGroup in a stable group tells a member what it owns, and lets the session run on.
 */
const tolerated: Readonly<Record<RunOptions["product"], ReadonlySet<AnomalyKind>>> = {
  varve: new Set(),
  kafka: new Set([
    "high-watermark-regress",
    "stale-offsets",
    "above-high-watermark",
    "owners-overlap",
  ]),
}

const toleratedNames = (product: RunOptions["product"]): ReadonlySet<string> => tolerated[product]

export const isForbidden = (product: RunOptions["product"], kind: string): boolean =>
  !toleratedNames(product).has(kind)

export function judge(evidence: Evidence): Judgement {
  const broken = brokenPromises(evidence)
  const missing = missingProofs(evidence)
  const verdict = broken.length > 0 ? "INVALID" : missing.length > 0 ? "INCONCLUSIVE" : "VALID"
  return { verdict, reasons: [...broken, ...missing] }
}

function brokenPromises({ options, checked, ...evidence }: Evidence): ReadonlyArray<string> {
  const counts = checked._tag === "checked" ? Object.entries(checked.counts) : []
  const anomalies = counts
    .filter(([kind, count]) => count > 0 && isForbidden(options.product, kind))
    .map(([kind, count]) => `${kind}: ${count === 1 ? "once" : `${count} times`}`)
  const ends = evidence.brokerEnds
    .filter((end) => !mayEnd(end, evidence.faults))
    .map(({ node, atMs, how }) => `broker ${node} ended by itself after ${seconds(atMs)}: ${how}`)
  return [...anomalies, ...evidence.noProgress, ...ends]
}

export const mayEnd = ({ node, atMs }: BrokerEnd, faults: ReadonlyArray<FaultRecord>): boolean =>
  faults.some(
    ({ plan, nodes, injectedMs, healedMs }) =>
      endsByItself.has(plan.kind) &&
      nodes.includes(node) &&
      atMs >= injectedMs - strikesWithinMs &&
      atMs <= healedMs + findsOutMs,
  )

function missingProofs(evidence: Evidence): ReadonlyArray<string> {
  const { checked, gaps, options } = evidence
  const unchecked = checked._tag === "unknown" ? [`not checked: ${checked.why}`] : []
  return [...unchecked, ...gaps, ...withoutEffect(evidence), ...tooFew(evidence, options)]
}

/** Asked for, and never seen to bite. What this machine cannot do was left out, and said to be. */
function withoutEffect({ options, faults, skipped }: Evidence): ReadonlyArray<string> {
  const left = new Set(skipped.map(({ kind }) => kind))
  if (options.faults.length > 0 && options.faults.every((kind) => left.has(kind)))
    return ["no fault that was asked for can be done here"]
  return options.faults
    .filter((kind) => !left.has(kind))
    .filter((kind) => !faults.some(({ plan, effective }) => plan.kind === kind && effective))
    .map((kind) => `${kind} had no effect: ${whyNot(kind, faults)}`)
}

function whyNot(kind: FaultKind, faults: ReadonlyArray<FaultRecord>): string {
  const tried = faults.filter(({ plan }) => plan.kind === kind)
  const last = tried.at(-1)
  if (last === undefined) return "it was never injected"
  return `${last.evidence}${tried.length > 1 ? ` (the last of ${tried.length})` : ""}`
}

function tooFew({ acknowledgedInFaults }: Evidence, { rate, seconds: window }: RunOptions) {
  const least = Math.max(acknowledgedLeast, Math.floor(rate * window * acknowledgedShare))
  if (acknowledgedInFaults >= least) return []
  return [
    `only ${acknowledgedInFaults} records acknowledged while faults struck, less than ${least}`,
  ]
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
