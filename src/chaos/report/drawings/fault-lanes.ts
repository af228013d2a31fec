/** When which fault struck which broker, over the phases of the run. */
import type { FaultRecord } from "../../fault.ts"
import type { RunResult } from "../../result.ts"
import { formatDuration, formatTime } from "../format.ts"
import { markup, nothing } from "../markup.ts"
import type { Markup } from "../markup.ts"
import { faultWords } from "../words/faults.ts"
import { phasesOf } from "../words/phases.ts"
import type { Phase } from "../words/phases.ts"
import { brokersOf } from "./brokers.ts"
import { drawTicks, round, timeAxis } from "./time-axis.ts"
import type { TimeAxis } from "./time-axis.ts"

export const drawingWidth = 1000
export const gutter = 112
const phaseHeight = 22
const barHeight = 16
const barGap = 3
const laneGap = 8
const characterWidth = 6.3
const barWidthMin = 2.5

interface Lane {
  readonly name: string
  /** No two of a row overlap. */
  readonly rows: ReadonlyArray<ReadonlyArray<FaultRecord>>
}

export function drawFaultLanes(result: RunResult): Markup {
  const axis = timeAxis(gutter, drawingWidth - 8, result.phases.endMs)
  const lanes = lanesOf(result)
  const bottoms: Array<number> = []
  let bottom = phaseHeight + laneGap
  for (const { rows } of lanes) {
    bottom += Math.max(1, rows.length) * (barHeight + barGap) + laneGap
    bottoms.push(bottom)
  }
  return markup`
    <svg viewBox="0 0 ${drawingWidth} ${bottom + 20}" role="img" aria-label="${labelOf(result)}">
    ${hatching}
    ${drawPhases(result, axis, bottom)}
    ${drawTicks(axis, phaseHeight, bottom)}
    ${lanes.map((lane, i) => drawLane(lane, axis, bottoms[i - 1] ?? phaseHeight + laneGap))}
    </svg>`
}

/** Of faults that had no effect. */
const hatching = markup`
  <defs>
  <pattern id="missed" width="6" height="6" patternUnits="userSpaceOnUse"
  ${" "}patternTransform="rotate(45)">
  <rect class="missed-ground" width="6" height="6"/>
  <line class="missed-line" x1="0" x2="0" y1="0" y2="6"/>
  </pattern>
  </defs>`

const labelOf = ({ faults }: RunResult): string =>
  `Timeline of ${faults.length} faults by broker; the same as a table at the end of this page`

const drawPhases = (result: RunResult, axis: TimeAxis, bottom: number): Markup =>
  markup`${phasesOf(result.phases).map((phase) => drawPhase(phase, axis, bottom))}`

function drawPhase({ name, text, fromMs, toMs }: Phase, axis: TimeAxis, bottom: number): Markup {
  const x = axis.x(fromMs)
  const width = round(axis.x(toMs) - x)
  const label = width > name.length * characterWidth + 6 ? name : ""
  const when = `${formatTime(fromMs, true)} to ${formatTime(toMs, true)}`
  return markup`
    <g><title>${name}: ${text}, ${when}</title>
    <rect class="phase phase-${name}" x="${x}" y="0" width="${width}" height="${bottom}"/>
    <text class="phase-name" x="${round(x + width / 2)}" y="14">${label}</text>
    </g>`
}

const isOfClients = ({ nodes, plan }: FaultRecord): boolean =>
  nodes.length === 0 && faultWords(plan.kind).family === "client"

const laneIfAny = (name: string, faults: ReadonlyArray<FaultRecord>): ReadonlyArray<Lane> =>
  faults.length === 0 ? [] : [{ name, rows: rowsOf(faults) }]

function lanesOf(result: RunResult): ReadonlyArray<Lane> {
  const brokers = brokersOf(result)
  const isAll = ({ nodes }: FaultRecord) => nodes.length > 1 && nodes.length >= brokers.length
  const { faults } = result
  return [
    ...laneIfAny("all brokers", faults.filter(isAll)),
    ...brokers.map((node) => {
      const own = faults.filter((fault) => fault.nodes.includes(node) && !isAll(fault))
      return { name: `broker ${node}`, rows: rowsOf(own) }
    }),
    ...laneIfAny("clients", faults.filter(isOfClients)),
    ...laneIfAny(
      "no broker",
      faults.filter((fault) => fault.nodes.length === 0 && !isOfClients(fault)),
    ),
  ]
}

function rowsOf(faults: ReadonlyArray<FaultRecord>): ReadonlyArray<ReadonlyArray<FaultRecord>> {
  const rows: Array<Array<FaultRecord>> = []
  for (const fault of faults.toSorted((a, b) => a.injectedMs - b.injectedMs)) {
    const free = rows.find((row) => (row.at(-1)?.healedMs ?? 0) <= fault.injectedMs)
    if (free === undefined) rows.push([fault])
    else free.push(fault)
  }
  return rows
}

function drawLane({ name, rows }: Lane, axis: TimeAxis, top: number): Markup {
  const line = top - laneGap / 2
  const bars = rows.map((row, i) => {
    const y = top + i * (barHeight + barGap)
    return row.map((fault, j) => drawFault(fault, axis, y, roomAfter(row[j + 1], axis)))
  })
  return markup`
    <line class="lane" x1="0" x2="${drawingWidth}" y1="${line}" y2="${line}"/>
    <text class="lane-name" x="0" y="${top + 12}">${name}</text>
    ${bars}`
}

/** Where the next bar of the row begins. */
const roomAfter = (next: FaultRecord | undefined, axis: TimeAxis): number =>
  next === undefined ? axis.right + 6 : axis.x(next.injectedMs)

function drawFault(fault: FaultRecord, axis: TimeAxis, y: number, until: number): Markup {
  const { plan, injectedMs, healedMs, effective } = fault
  const x = axis.x(injectedMs)
  const width = Math.max(barWidthMin, round(axis.x(healedMs) - x))
  const classes = `fault family-${faultWords(plan.kind).family}${effective ? "" : " ineffective"}`
  return markup`
    <g class="${classes}"><title>${titleOf(fault)}</title>
    <rect x="${x}" y="${y}" width="${width}" height="${barHeight}" rx="2"/>
    ${nameOf(plan.kind, x, width, y, until)}
    </g>`
}

/** In the bar or behind it; nowhere when there is no room. */
function nameOf(name: string, x: number, width: number, y: number, until: number): Markup {
  const length = name.length * characterWidth
  if (length + 6 < width)
    return markup`<text class="fault-name" x="${x + 4}" y="${y + 12}">${name}</text>`
  const behind = round(x + width + 4)
  return behind + length + 6 < until
    ? markup`<text class="fault-name behind" x="${behind}" y="${y + 12}">${name}</text>`
    : nothing
}

function titleOf({ plan, target, injectedMs, healedMs, effective, evidence }: FaultRecord): string {
  const when = `${formatTime(injectedMs, true)}, ${formatDuration(healedMs - injectedMs)}`
  return `${plan.kind}, ${target}: ${when}; ${effective ? "" : "no effect: "}${evidence}`
}
