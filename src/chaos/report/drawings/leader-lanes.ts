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

/** `rowHeight` 18 has room for epochs; below 10 rows touch each other, like a map of heat. */
export function drawLeaderLanes(
  rows: ReadonlyArray<PartitionReigns>,
  { phases }: RunResult,
  rowHeight: number,
): Markup {
  const axis = timeAxis(gutter, drawingWidth - 8, phases.endMs)
  const bottom = rows.length * rowHeight + 4
  return markup`<svg viewBox="0 0 ${drawingWidth} ${bottom + 20}" role="img" aria-label="Leader of ${rows.length} partitions over time">${rows.map((row, i) => drawRow(row, axis, i * rowHeight + 2, rowHeight))}${drawTicks(axis, 0, bottom)}</svg>`
}

function drawRow(
  { partition, reigns }: PartitionReigns,
  axis: TimeAxis,
  y: number,
  rowHeight: number,
): Markup {
  const height = rowHeight < 10 ? rowHeight - 1 : rowHeight - 4
  const isTall = rowHeight >= 14
  const name = shortened(partition, 19)
  const size = isTall ? "lane-name" : "lane-name small"
  const baseline = round(y + height / 2 + (isTall ? 4 : 2.5))
  return markup`<text class="${size}" x="0" y="${baseline}">${name}</text>${reigns.map((reign) => drawReign(partition, reign, axis, { y, height, isTall, baseline }))}`
}

interface Place {
  readonly y: number
  readonly height: number
  readonly isTall: boolean
  readonly baseline: number
}

function drawReign(partition: string, reign: Reign, axis: TimeAxis, place: Place): Markup {
  const { leader, epoch, fromMs, toMs } = reign
  const x = axis.x(fromMs)
  const width = Math.max(1, round(axis.x(toMs) - x))
  const who = leader < 0 ? "nobody" : `broker ${leader}`
  const long = `${leader < 0 ? "–" : leader} · ${epoch}`
  const label = [long, `${epoch}`].find((text) => width > text.length * characterWidth + 4)
  const text =
    place.isTall && label !== undefined
      ? markup`<text class="epoch" x="${round(x + 4)}" y="${place.baseline}">${label}</text>`
      : nothing
  return markup`<g class="reign ${brokerClass(leader)}"><title>${partition}: ${who}, epoch ${epoch}, from ${formatTime(fromMs, true)}</title><rect x="${x}" y="${place.y}" width="${width}" height="${place.height}"/>${text}</g>`
}
