/** When which fault struck which broker, over the phases of the run. */
import type { FaultRecord } from "../../fault.ts"
import type { RunResult } from "../../result.ts"
import { formatDuration, formatTime } from "../format.ts"
import { markup, nothing } from "../markup.ts"
import type { Markup } from "../markup.ts"
import { faultWords } from "../words/faults.ts"
import { phasesOf } from "../words/phases.ts"
import { brokersOf } from "./brokers.ts"
import { drawTicks, round, timeAxis } from "./time-axis.ts"
import type { TimeAxis } from "./time-axis.ts"

export const drawingWidth = 1000
export const gutter = 112
const phaseHeight = 22
const barHeight = 16
const barGap = 3
const laneGap = 8
const characterWidth = 5.9
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
  return markup`<svg viewBox="0 0 ${drawingWidth} ${bottom + 20}" role="img" aria-label="${labelOf(result)}"><defs><pattern id="missed" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="missed-ground" width="6" height="6"/><line class="missed-line" x1="0" x2="0" y1="0" y2="6"/></pattern></defs>${drawPhases(result, axis, bottom)}${drawTicks(axis, phaseHeight, bottom)}${lanes.map((lane, i) => drawLane(lane, axis, bottoms[i - 1] ?? phaseHeight + laneGap))}</svg>`
}

const labelOf = ({ faults }: RunResult): string =>
  `Timeline of ${faults.length} faults by broker; the same as a table at the end of this page`

function drawPhases(result: RunResult, axis: TimeAxis, bottom: number): Markup {
  return markup`${phasesOf(result.phases).map(({ name, fromMs, toMs }) => {
    const x = axis.x(fromMs)
    const width = round(axis.x(toMs) - x)
    const label = width > name.length * characterWidth + 6 ? name : ""
    return markup`<g><title>${name}: ${formatTime(fromMs, true)} to ${formatTime(toMs, true)}</title><rect class="phase phase-${name}" x="${x}" y="0" width="${width}" height="${bottom}"/><text class="phase-name" x="${round(x + width / 2)}" y="14">${label}</text></g>`
  })}`
}

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
    ...laneIfAny(
      "clients",
      faults.filter(({ nodes }) => nodes.length === 0),
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

const drawLane = ({ name, rows }: Lane, axis: TimeAxis, top: number): Markup =>
  markup`<line class="lane" x1="0" x2="${drawingWidth}" y1="${top - laneGap / 2}" y2="${top - laneGap / 2}"/><text class="lane-name" x="0" y="${top + 12}">${name}</text>${rows.map((row, i) => row.map((fault) => drawFault(fault, axis, top + i * (barHeight + barGap))))}`

function drawFault(fault: FaultRecord, axis: TimeAxis, y: number): Markup {
  const { plan, injectedMs, healedMs, effective, target, evidence } = fault
  const x = axis.x(injectedMs)
  const width = Math.max(barWidthMin, round(axis.x(healedMs) - x))
  const { family } = faultWords(plan.kind)
  const fits = width > plan.kind.length * characterWidth + 6
  const label = fits
    ? markup`<text class="fault-name" x="${x + 4}" y="${y + 12}">${plan.kind}</text>`
    : nothing
  const title = `${plan.kind}, ${target}: ${formatTime(injectedMs, true)}, ${formatDuration(healedMs - injectedMs)}; ${effective ? "" : "NOT EFFECTIVE: "}${evidence}`
  return markup`<g class="fault family-${family}${effective ? "" : " ineffective"}"><title>${title}</title><rect x="${x}" y="${y}" width="${width}" height="${barHeight}" rx="2"/>${label}</g>`
}
