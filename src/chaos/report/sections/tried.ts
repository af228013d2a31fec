/** What was promised, and what was done to break it. */
import type { FaultKind, FaultRecord } from "../../fault.ts"
import type { Append, Operation } from "../../history/history.ts"
import { operationsOf } from "../../history/history.ts"
import type { RunResult } from "../../result.ts"
import { formatCount, formatDuration } from "../format.ts"
import { markup, nothing } from "../markup.ts"
import type { Markup } from "../markup.ts"
import { faultWords } from "../words/faults.ts"
import { section, table } from "./parts.ts"

export const promisesSection = ({ promises }: RunResult): Markup =>
  section(
    "promises",
    "What was promised",
    promises.length === 0
      ? markup`<p>Nothing: the run ended before its workloads began.</p>`
      : markup`<ul class="promises">${promises.map((promise) => markup`<li>${promise}</li>`)}</ul>`,
  )

interface Tried {
  readonly kind: FaultKind
  readonly records: ReadonlyArray<FaultRecord>
}

export function faultsSection(result: RunResult, operations: ReadonlyArray<Operation>): Markup {
  const byKind = Map.groupBy(result.faults, ({ plan }) => plan.kind)
  const tried = [...byKind]
    .map(([kind, records]): Tried => ({ kind, records }))
    .toSorted((a, b) => a.kind.localeCompare(b.kind))
  const appends = operationsOf(operations, "append")
  const columns = [
    { name: "fault" },
    { name: "what it does" },
    { name: "struck", isNumber: true },
    { name: "effective", isNumber: true },
    { name: "lasted", isNumber: true },
    { name: "writes ok", isNumber: true },
    { name: "refused", isNumber: true },
    { name: "unknown", isNumber: true },
  ]
  const rows = tried.map((one) => rowOf(one, appends))
  return section(
    "tried",
    "What was tried",
    markup`
      <p>A fault counts only when something shows that it had its effect. The last columns count the
      ${" "}writes that ended while a fault of the kind lasted; faults may overlap.</p>`,
    tried.length === 0 ? markup`<p>No fault struck.</p>` : table("Faults by kind", columns, rows),
    skippedList(result),
  )
}

function rowOf({ kind, records }: Tried, appends: ReadonlyArray<Operation<Append>>) {
  const effective = records.filter((fault) => fault.effective).length
  const { family, text } = faultWords(kind)
  const lasted = records.reduce((sum, { injectedMs, healedMs }) => sum + healedMs - injectedMs, 0)
  const during = outcomesDuring(records, appends)
  return [
    markup`<span class="swatch family-${family}"></span>${kind}`,
    text,
    records.length,
    markup`<span class="${effective === records.length ? "" : "warn"}">${effective}</span>`,
    formatDuration(lasted),
    formatCount(during.ok),
    formatCount(during.fail),
    formatCount(during.info),
  ]
}

function outcomesDuring(
  records: ReadonlyArray<FaultRecord>,
  appends: ReadonlyArray<Operation<Append>>,
): { ok: number; fail: number; info: number } {
  const spans = mergedSpans(records)
  const counts = { ok: 0, fail: 0, info: 0 }
  for (const { outcome, returnedMs, invokedMs } of appends) {
    const atMs = outcome === "pending" ? invokedMs : returnedMs
    if (isInside(spans, atMs)) counts[outcome === "pending" ? "info" : outcome]++
  }
  return counts
}

type Span = readonly [fromMs: number, toMs: number]

/** Ascending and apart from each other. */
function mergedSpans(records: ReadonlyArray<FaultRecord>): ReadonlyArray<Span> {
  const spans: Array<Span> = []
  for (const { injectedMs, healedMs } of records.toSorted((a, b) => a.injectedMs - b.injectedMs)) {
    const last = spans.at(-1)
    if (last === undefined || injectedMs > last[1]) spans.push([injectedMs, healedMs])
    else spans[spans.length - 1] = [last[0], Math.max(last[1], healedMs)]
  }
  return spans
}

function isInside(spans: ReadonlyArray<Span>, atMs: number): boolean {
  let lo = 0
  let hi = spans.length
  while (lo < hi) {
    const middle = (lo + hi) >>> 1
    if ((spans[middle]?.[1] ?? 0) < atMs) lo = middle + 1
    else hi = middle
  }
  return (spans[lo]?.[0] ?? Infinity) <= atMs
}

const skippedList = ({ skipped }: RunResult): Markup =>
  skipped.length === 0
    ? nothing
    : markup`
        <h3>Not tried here</h3>
        <ul class="skipped">${skipped.map(({ kind, why }) => markup`<li><b>${kind}</b>: ${why}</li>`)}</ul>`
