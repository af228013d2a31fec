/** Who led each partition when, and in which epoch. */
import type { LeaderSeen, RunResult } from "../../result.ts"
import { formatTime, shortened } from "../format.ts"
import { markup, nothing } from "../markup.ts"
import type { Markup } from "../markup.ts"
import { brokerClass } from "./brokers.ts"
import { drawingWidth, gutter } from "./fault-lanes.ts"
import { drawTicks, round, timeAxis } from "./time-axis.ts"
import type { TimeAxis } from "./time-axis.ts"

interface Reign {
  readonly leader: number
  readonly epoch: number
  readonly fromMs: number
  readonly toMs: number
}

export interface PartitionReigns {
  readonly partition: string
  readonly reigns: ReadonlyArray<Reign>
}

/** By partition, in the order of topics and numbers; what does not change is one reign. */
export function reignsOf(leaders: ReadonlyArray<LeaderSeen>, endMs: number) {
  const byPartition = Map.groupBy(leaders, ({ partition }) => partition)
  return [...byPartition]
    .map(([partition, seen]): PartitionReigns => ({ partition, reigns: merged(seen, endMs) }))
    .toSorted((a, b) => a.partition.localeCompare(b.partition, "en", { numeric: true }))
}

function merged(seen: ReadonlyArray<LeaderSeen>, endMs: number): ReadonlyArray<Reign> {
  const changes: Array<LeaderSeen> = []
  for (const one of seen.toSorted((a, b) => a.atMs - b.atMs)) {
    const last = changes.at(-1)
    if (last?.leader !== one.leader || last.epoch !== one.epoch) changes.push(one)
  }
  return changes.map(({ leader, epoch, atMs }, i) => {
    const toMs = changes[i + 1]?.atMs ?? endMs
    return { leader, epoch, fromMs: atMs, toMs: Math.max(atMs, toMs) }
  })
}

/** Those that changed most often, in their own order. */
export function mostRestless(
  all: ReadonlyArray<PartitionReigns>,
  max: number,
): ReadonlyArray<PartitionReigns> {
  const chosen = all.toSorted((a, b) => b.reigns.length - a.reigns.length).slice(0, max)
  return all.filter((one) => chosen.includes(one))
}

const characterWidth = 6

/** Lower rows have no names. */
const namedFrom = 9

/** `rowHeight` 18 has room for epochs; below 10 rows touch each other, like a map of heat. */
export function drawLeaderLanes(
  rows: ReadonlyArray<PartitionReigns>,
  { phases }: RunResult,
  rowHeight: number,
): Markup {
  const axis = timeAxis(gutter, drawingWidth - 8, phases.endMs)
  const bottom = rows.length * rowHeight + 4
  const lanes = rows.map((row, i) => drawRow(row, axis, i * rowHeight + 2, rowHeight))
  const label = `Leaders of ${rows.length} partitions over time`
  return markup`
    <svg viewBox="0 0 ${drawingWidth} ${bottom + 20}" role="img" aria-label="${label}">
    ${drawTicks(axis, 0, bottom)}
    ${lanes}
    </svg>`
}

function drawRow(
  { partition, reigns }: PartitionReigns,
  axis: TimeAxis,
  y: number,
  rowHeight: number,
): Markup {
  const height = rowHeight < 10 ? rowHeight - 1 : rowHeight - 4
  const isTall = rowHeight >= 14
  const size = isTall ? "lane-name" : "lane-name small"
  const baseline = round(y + height / 2 + (isTall ? 4 : 2.5))
  const place = { y, height, isTall, baseline }
  const name = markup`
    <text class="${size}" x="0" y="${baseline}">${shortened(partition, 19)}</text>`
  return markup`
    ${rowHeight < namedFrom ? nothing : name}
    ${reigns.map((reign) => drawReign(partition, reign, axis, place))}`
}

interface Place {
  readonly y: number
  readonly height: number
  readonly isTall: boolean
  readonly baseline: number
}

function drawReign(partition: string, reign: Reign, axis: TimeAxis, place: Place): Markup {
  const { leader, epoch, fromMs } = reign
  const x = axis.x(fromMs)
  const width = Math.max(1, round(axis.x(reign.toMs) - x))
  const who = leader < 0 ? "nobody" : `broker ${leader}`
  const title = `${partition}: ${who}, epoch ${epoch}, from ${formatTime(fromMs, true)}`
  return markup`
    <g class="reign ${brokerClass(leader)}"><title>${title}</title>
    <rect x="${x}" y="${place.y}" width="${width}" height="${place.height}"/>
    ${drawEpoch(reign, x, width, place)}
    </g>`
}

function drawEpoch({ leader, epoch }: Reign, x: number, width: number, place: Place): Markup {
  if (!place.isTall || leader < 0) return nothing
  const fits = (text: string) => width > text.length * characterWidth + 4
  const label = [`${leader} · ${epoch}`, `${epoch}`].find(fits)
  return label === undefined
    ? nothing
    : markup`<text class="epoch" x="${round(x + 4)}" y="${place.baseline}">${label}</text>`
}
