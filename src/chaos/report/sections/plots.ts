/** Frames of the plots, which the page's own program draws, and what they show in words. */
import type { Operation } from "../../history/history.ts"
import type { RunResult } from "../../result.ts"
import { counted, formatCount, formatDuration, formatTime, partitionLabel } from "../format.ts"
import { markup, nothing } from "../markup.ts"
import type { Markup } from "../markup.ts"
import type { Plots } from "../plots.ts"
import { writeLatency } from "../statistics/latency.ts"
import type { Recovery } from "../statistics/outages.ts"
import { section, table } from "./parts.ts"

const frame = (id: string, label: string): Markup =>
  markup`<div id="${id}" class="plot" role="img" aria-label="${label}"></div>`

export function latencySection(plots: Plots, operations: ReadonlyArray<Operation>): Markup {
  const { medianMs, p99Ms, maxMs } = writeLatency(operations)
  const words = `Acknowledged writes took ${formatDuration(medianMs)} in the middle, 99 of 100 at most ${formatDuration(p99Ms)}, the slowest ${formatDuration(maxMs)}.`
  return section(
    "latency",
    "How long operations took",
    markup`
      <p>Each point is one operation: when it was sent, and how long its answer took; each line is
      ${" "}ten times the one below it. Shaded: a fault lasted. ${words}</p>
      <div class="controls">
      <label>show <select data-latency="kind">
      <option value="writes">writes</option>
      <option value="reads">reads</option>
      <option value="other">all others</option>
      </select></label>
      <label>coloured by <select data-latency="by">
      <option value="outcome">outcome</option>
      <option value="driver">client</option>
      </select></label>
      <button type="button" id="whole-run">whole run</button>
      </div>
      ${frame("plot-latency", `Latency of operations over time. ${words}`)}
      <div id="latency-legend" class="legend"></div>
      <p class="note">${plots.sampling} Drag over a plot to look closer; all plots follow.</p>
      <noscript><p>The plots need JavaScript; their figures are in the tables.</p></noscript>`,
  )
}

export function throughputSection({ throughputMax, readMax }: Plots): Markup {
  const written = `Records acknowledged per second over time, at most ${formatCount(throughputMax)}`
  const read = `Records read per second over time, at most ${formatCount(readMax)}`
  return section(
    "throughput",
    "Throughput",
    markup`
      <p>Records per second that were acknowledged, and that consumers were given.</p>
      ${frame("plot-throughput", written)}
      ${frame("plot-read", read)}`,
  )
}

export function unseenSection(plots: Plots, { unseen }: RunResult): Markup {
  if (unseen.length === 0) return nothing
  const end =
    plots.unseenAtEnd === 0
      ? "At the end none was left."
      : `At the end ${counted(plots.unseenAtEnd, "record")} had never been seen.`
  const words = `At most ${formatCount(plots.unseenMax)} at once. ${end}`
  return section(
    "unseen",
    "Acknowledged, not yet seen",
    markup`
      <p>Records that the cluster had confirmed and that no consumer had been given yet. It must
      ${" "}come down to zero. ${words}</p>`,
    frame("plot-unseen", `Unseen records over time. ${words}`),
  )
}

const recoveriesMax = 15
const outagesMax = 15

export function outagesSection(result: RunResult, recoveries: ReadonlyArray<Recovery>): Markup {
  const longest = recoveries.toSorted((a, b) => b.outageMs - a.outageMs).slice(0, recoveriesMax)
  const heals = table(
    "Longest outage after each heal",
    [
      { name: "fault" },
      { name: "struck" },
      { name: "healed at", isNumber: true },
      { name: "outage after it", isNumber: true },
      { name: "partition" },
    ],
    longest.map(({ fault, outageMs, partition, cutShort }) => [
      fault.plan.kind,
      fault.target,
      formatTime(fault.healedMs, true),
      `${outageMs === 0 ? "none" : formatDuration(outageMs)}${cutShort ? " or more" : ""}`,
      partitionLabel(partition),
    ]),
  )
  const more = recoveries.length - longest.length
  return section(
    "outages",
    "Outages",
    markup`
      <p>After a fault was taken back, how long until every partition took writes again. Only the
      ${" "}time until the next fault struck is counted: “or more” where that came first. Stops shorter
      ${" "}than 100 ms are not counted.</p>`,
    recoveries.length === 0 ? markup`<p>No fault was taken back.</p>` : heals,
    more > 0
      ? markup`<p class="note">The ${longest.length} longest of ${recoveries.length}.</p>`
      : nothing,
    partitionOutages(result),
  )
}

function partitionOutages({ outages }: RunResult): Markup {
  if (outages.length === 0) return nothing
  const shown = outages.slice(0, outagesMax)
  const rows = shown.map(({ partition, fromMs, toMs }) => [
    partitionLabel(partition),
    formatTime(fromMs, true),
    formatDuration(toMs - fromMs),
  ])
  const more = outages.length - shown.length
  const columns = [
    { name: "partition" },
    { name: "began at", isNumber: true },
    { name: "lasted", isNumber: true },
  ]
  const left = `The ${shown.length} longest of ${outages.length} partitions.`
  return markup`
    <h3>Longest outage of each partition</h3>
    <p>Somebody was writing, and nothing was acknowledged; begun while faults struck.</p>
    ${table("Longest outage of each partition", columns, rows)}
    ${more > 0 ? markup`<p class="note">${left}</p>` : nothing}`
}
