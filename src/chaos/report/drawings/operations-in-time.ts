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
import { cutTime } from "./cut-time.ts"
import type { CutTime } from "./cut-time.ts"
import { outcomeWord } from "./row-names.ts"
import { round } from "./time-axis.ts"

const gutter = 150
const plotWidth = 820
const laneHeight = 46
const brokerHeight = 22
const faultHeight = 18
const characterWidth = 6

interface Frame {
  readonly scale: CutTime
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
  const height = frame.bottom + (frame.scale.breaks.length === 0 ? 18 : 44)
  const isContext = (operation: Operation) => !evidence.operations.includes(operation)
  return markup`
    <svg class="natural" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"
    ${" "}role="img" aria-label="The operations in time, by process">
    ${faults.map((fault, i) => drawFault(fault, frame, i))}
    ${frame.processes.map((process) => drawProcess(process, frame, width))}
    ${frame.brokers.map((node, i) => drawBroker(node, frame.brokersTop + i * brokerHeight, width))}
    ${drawBreaks(frame)}
    ${operations.map((operation) => drawOperation(operation, frame, isContext(operation)))}
    ${drawTimes(operations, frame)}
    </svg>`
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
  const scale = cutTime(timesOf(operations, endMs), gutter, plotWidth)
  return { scale, endMs, processes, brokers, faultsTop, brokersTop, bottom }
}

const timesOf = (operations: ReadonlyArray<Operation>, endMs: number): ReadonlyArray<number> =>
  [...new Set(operations.flatMap((one) => [one.invokedMs, returnedMsOf(one, endMs)]))].toSorted(
    (a, b) => a - b,
  )

function drawFault(fault: FaultRecord, { scale, faultsTop, bottom }: Frame, row: number): Markup {
  const { plan, target, injectedMs, healedMs } = fault
  const from = scale.x(injectedMs)
  const to = scale.x(healedMs)
  const width = Math.max(2, round(to - from))
  const y = faultsTop + row * faultHeight
  const name = `${plan.kind} ${target}`
  const when = `${formatTime(injectedMs, true)} to ${formatTime(healedMs, true)}`
  const span = markup`x="${from}" y="${y}" width="${width}"`
  return markup`
    <g class="fault family-${faultWords(plan.kind).family}"><title>${name}: ${when}</title>
    <rect class="shade" ${span} height="${bottom - y}"/>
    <rect class="tab" ${span} height="${faultHeight - 3}"/>
    ${drawFaultName(shortened(name, 60), from, y + 11.5)}
    </g>`
}

/** To the right from where the fault began, or to the left from the edge. */
function drawFaultName(text: string, from: number, y: number): Markup {
  const edge = gutter + plotWidth
  return from + text.length * characterWidth < edge
    ? markup`<text class="fault-label" x="${round(from + 4)}" y="${y}">${text}</text>`
    : markup`<text class="fault-label end" x="${edge - 4}" y="${y}">${text}</text>`
}

const laneTop = (frame: Frame, process: string): number =>
  frame.brokersTop - (frame.processes.length - frame.processes.indexOf(process)) * laneHeight

const drawProcess = (process: string, frame: Frame, width: number): Markup => {
  const y = laneTop(frame, process)
  const name = shortened(process, 22)
  return markup`
    <line class="lane" x1="0" x2="${width}" y1="${y}" y2="${y}"/>
    <text class="row-name" x="0" y="${y + 27}"><title>${process}</title>${name}</text>`
}

const drawBroker = (node: number, y: number, width: number): Markup => {
  const place = markup`x1="${gutter}" x2="${gutter + plotWidth}" y1="${y + 11}" y2="${y + 11}"`
  return markup`
    <line class="lane" x1="0" x2="${width}" y1="${y}" y2="${y}"/>
    <text class="row-name" x="0" y="${y + 15}">broker ${node}</text>
    <line class="broker-line ${brokerClass(node)}" ${place}/>`
}

const drawBreaks = ({ scale, faultsTop, bottom }: Frame): Markup =>
  markup`${scale.breaks.map(
    ({ x, ms }, i) => markup`
      <line class="break" x1="${x}" x2="${x}" y1="${faultsTop}" y2="${bottom}"/>
      <text class="break-name" x="${x}" y="${bottom + 25 + (i % 2) * 13}">… ${formatDuration(ms)} …</text>`,
  )}`

function drawOperation(operation: Operation, frame: Frame, isContext: boolean): Markup {
  const { scale, endMs } = frame
  const { process, outcome, f, id } = operation
  const from = scale.x(operation.invokedMs)
  const to = scale.x(returnedMsOf(operation, endMs))
  const y = laneTop(frame, process)
  const text = `${f} #${id} ${outcomeWord(operation)}`
  const isEnd = from + text.length * characterWidth > gutter + plotWidth + 20
  const place = markup`x="${from}" y="${y + 21}" width="${Math.max(3, round(to - from))}"`
  return markup`
    <g class="${isContext ? "context" : "named"}">
    ${drawAnswer(operation, to, y + 34, frame)}
    <rect class="bar outcome-${outcome}" ${place} height="13" rx="2"/>
    <text class="${isEnd ? "bar-name end" : "bar-name"}" x="${isEnd ? to : from}" y="${y + 15}">
    ${text}</text>
    </g>`
}

/** Down to the broker that was asked last. */
function drawAnswer({ node, outcome }: Operation, x: number, y: number, frame: Frame): Markup {
  if (node < 0) return nothing
  const broker = frame.brokersTop + frame.brokers.indexOf(node) * brokerHeight + 11
  return markup`
    <line class="answer outcome-${outcome}" x1="${x}" x2="${x}" y1="${y}" y2="${broker}"/>
    <circle class="answer-dot outcome-${outcome}" cx="${x}" cy="${broker}" r="4"/>`
}

/** Of the first and of the last moment. */
function drawTimes(operations: ReadonlyArray<Operation>, { scale, endMs, bottom }: Frame): Markup {
  const times = timesOf(operations, endMs)
  const edges = new Set([times[0] ?? 0, times.at(-1) ?? 0])
  return markup`${Array.from(edges, (ms) => {
    const x = scale.x(ms)
    return markup`<text class="tick" x="${x}" y="${bottom + 12}">${formatTime(ms, true)}</text>`
  })}`
}
