/**
 * Operations in time: a lane per process with bars from invocation to return, a lane per broker
 * that answered, and the faults that lasted. Where nothing happens for long, time is cut out.
 */
import { returnedMsOf } from "../anomalies/evidence.ts"
import type { Evidence } from "../anomalies/evidence.ts"
import type { FaultRecord } from "../../fault.ts"
import type { Operation } from "../../history/history.ts"
import { formatDuration, formatTime, shortened } from "../format.ts"
import { markup, nothing } from "../markup.ts"
import type { Markup } from "../markup.ts"
import { faultWords } from "../words/faults.ts"
import { brokerClass } from "./brokers.ts"
import { outcomeWord } from "./row-names.ts"
import { round } from "./time-axis.ts"

const gutter = 150
const plotWidth = 820
const laneHeight = 46
const brokerHeight = 22
const faultHeight = 18
const breakWidth = 46
const stepMin = 20
const characterWidth = 6

interface Scale {
  x(ms: number): number
  /** Middles of what is cut out, and how long it was. */
  readonly breaks: ReadonlyArray<{ readonly x: number; readonly ms: number }>
}

interface Frame {
  readonly scale: Scale
  readonly endMs: number
  readonly processes: ReadonlyArray<string>
  readonly brokers: ReadonlyArray<number>
  readonly faultsTop: number
  readonly brokersTop: number
  readonly bottom: number
}

export function drawOperationsInTime(evidence: Evidence, endMs: number): Markup {
  const operations = [...evidence.operations, ...evidence.context].toSorted(
    (a, b) => a.invoked - b.invoked,
  )
  if (operations.length === 0) return nothing
  const faults = [...evidence.active, ...evidence.next]
  const frame = frameOf(operations, faults, endMs)
  const width = gutter + plotWidth + 30
  const height = frame.bottom + 24
  return markup`<svg class="natural" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="The operations in time, by process">${faults.map((fault, i) => drawFault(fault, frame, i))}${drawLanes(frame, width)}${operations.map((operation) => drawOperation(operation, frame, !evidence.operations.includes(operation)))}${drawTimes(operations, frame)}</svg>`
}

function frameOf(
  operations: ReadonlyArray<Operation>,
  faults: ReadonlyArray<FaultRecord>,
  endMs: number,
): Frame {
  const processes = [...new Set(operations.map(({ process }) => process))]
  const nodes = operations.map(({ node }) => node).filter((node) => node >= 0)
  const brokers = [...new Set(nodes)].toSorted((a, b) => a - b)
  const faultsTop = 4
  const lanesTop = faultsTop + faults.length * faultHeight + 6
  const brokersTop = lanesTop + processes.length * laneHeight
  const bottom = brokersTop + brokers.length * brokerHeight + 4
  const scale = scaleOf(timesOf(operations, endMs))
  return { scale, endMs, processes, brokers, faultsTop, brokersTop, bottom }
}

const timesOf = (operations: ReadonlyArray<Operation>, endMs: number): ReadonlyArray<number> =>
  [...new Set(operations.flatMap((one) => [one.invokedMs, returnedMsOf(one, endMs)]))].toSorted(
    (a, b) => a - b,
  )

/** Proportional where something happens; each step is seen, and none takes the whole width. */
function scaleOf(times: ReadonlyArray<number>): Scale {
  const gaps = times.slice(1).map((ms, i) => ms - (times[i] ?? ms))
  const capMs = capOf(gaps)
  const cut = gaps.filter((gap) => gap > capMs).length
  const kept = gaps.reduce((sum, gap) => sum + (gap > capMs ? 0 : gap), 0)
  const steps = gaps.length - cut
  const room = Math.max(0, plotWidth - 90 - cut * breakWidth - steps * stepMin)
  const perMs = kept > 0 ? room / kept : 0
  const breaks: Array<{ x: number; ms: number }> = []
  const xs: Array<number> = [gutter + 12]
  for (const gap of gaps) {
    const from = xs.at(-1) ?? gutter
    if (gap > capMs) breaks.push({ x: round(from + breakWidth / 2), ms: gap })
    xs.push(from + (gap > capMs ? breakWidth : stepMin + gap * perMs))
  }
  return { x: (ms) => round(interpolated(times, xs, ms)), breaks }
}

/** A gap is cut out when it is five times all shorter ones together, and long in itself. */
function capOf(gaps: ReadonlyArray<number>): number {
  let sum = 0
  for (const gap of gaps.toSorted((a, b) => a - b)) {
    if (gap > 1000 && gap > 5 * sum) return Math.max(sum, gap - 1)
    sum += gap
  }
  return Infinity
}

/** Before the first and after the last time everything lies at the edge. */
function interpolated(times: ReadonlyArray<number>, xs: ReadonlyArray<number>, ms: number) {
  const after = times.findIndex((time) => time >= ms)
  if (after === -1) return gutter + plotWidth
  const toMs = times[after] ?? 0
  const toX = xs[after] ?? gutter
  if (after === 0) return toMs === ms ? toX : gutter
  const fromMs = times[after - 1] ?? 0
  const fromX = xs[after - 1] ?? gutter
  return fromX + ((ms - fromMs) / Math.max(1e-9, toMs - fromMs)) * (toX - fromX)
}

function drawFault(fault: FaultRecord, { scale, faultsTop, bottom }: Frame, row: number): Markup {
  const { plan, target, injectedMs, healedMs } = fault
  const from = scale.x(injectedMs)
  const to = scale.x(healedMs)
  const width = Math.max(2, round(to - from))
  const y = faultsTop + row * faultHeight
  const name = `${plan.kind} ${target}`
  const text = shortened(name, 60)
  const isLeft = from + text.length * characterWidth < gutter + plotWidth
  const x = isLeft ? from + 4 : gutter + plotWidth - 4
  return markup`<g class="fault family-${faultWords(plan.kind).family}"><title>${name}: ${formatTime(injectedMs, true)} to ${formatTime(healedMs, true)}</title><rect class="shade" x="${from}" y="${y}" width="${width}" height="${bottom - y}"/><rect class="tab" x="${from}" y="${y}" width="${width}" height="${faultHeight - 3}"/><text class="${isLeft ? "fault-label" : "fault-label end"}" x="${round(x)}" y="${y + 11.5}">${text}</text></g>`
}

const laneTop = (frame: Frame, process: string): number =>
  frame.brokersTop - (frame.processes.length - frame.processes.indexOf(process)) * laneHeight

function drawLanes(frame: Frame, width: number): Markup {
  const { processes, brokers, brokersTop, scale, bottom } = frame
  return markup`${processes.map((process) => {
    const y = laneTop(frame, process)
    return markup`<line class="lane" x1="0" x2="${width}" y1="${y}" y2="${y}"/><text class="row-name" x="0" y="${y + 27}"><title>${process}</title>${shortened(process, 22)}</text>`
  })}${brokers.map((node, i) => {
    const y = brokersTop + i * brokerHeight
    return markup`<line class="lane" x1="0" x2="${width}" y1="${y}" y2="${y}"/><text class="row-name" x="0" y="${y + 15}">broker ${node}</text><line class="broker-line ${brokerClass(node)}" x1="${gutter}" x2="${gutter + plotWidth}" y1="${y + 11}" y2="${y + 11}"/>`
  })}${scale.breaks.map(
    ({ x, ms }) =>
      markup`<line class="break" x1="${x}" x2="${x}" y1="${laneTop(frame, processes[0] ?? "")}" y2="${bottom}"/><text class="break-name" x="${x}" y="${bottom + 12}">${formatDuration(ms)}</text>`,
  )}`
}

function drawOperation(operation: Operation, frame: Frame, isContext: boolean): Markup {
  const { scale, endMs, brokers, brokersTop } = frame
  const { process, node, outcome, f, id } = operation
  const from = scale.x(operation.invokedMs)
  const to = scale.x(returnedMsOf(operation, endMs))
  const y = laneTop(frame, process)
  const broker = brokersTop + brokers.indexOf(node) * brokerHeight + 11
  const answer =
    node < 0
      ? nothing
      : markup`<line class="answer outcome-${outcome}" x1="${to}" x2="${to}" y1="${y + 34}" y2="${broker}"/><circle class="answer-dot outcome-${outcome}" cx="${to}" cy="${broker}" r="4"/>`
  const text = `${f} #${id} ${outcomeWord(operation)}`
  const isEnd = from + text.length * characterWidth > gutter + plotWidth + 20
  return markup`<g class="${isContext ? "context" : "named"}">${answer}<rect class="bar outcome-${outcome}" x="${from}" y="${y + 21}" width="${Math.max(3, round(to - from))}" height="13" rx="2"/><text class="${isEnd ? "bar-name end" : "bar-name"}" x="${isEnd ? to : from}" y="${y + 15}">${text}</text></g>`
}

/** Of the first and of the last moment, and of the ends of what is cut out. */
function drawTimes(operations: ReadonlyArray<Operation>, { scale, endMs, bottom }: Frame): Markup {
  const times = timesOf(operations, endMs)
  const edges = [times[0] ?? 0, times.at(-1) ?? 0]
  return markup`${[...new Set(edges)].map((ms) => markup`<text class="tick" x="${scale.x(ms)}" y="${bottom + 12}">${formatTime(ms, true)}</text>`)}`
}
