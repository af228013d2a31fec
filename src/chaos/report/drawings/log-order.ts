/** Offsets as columns, operations as rows: who says that which record lies where. */
import type { LogOrder, LogOrderRow } from "../anomalies/log-order.ts"
import { shortened } from "../format.ts"
import { markup, nothing } from "../markup.ts"
import type { Markup } from "../markup.ts"
import { drawRowName, rowNameWidth } from "./row-names.ts"

const columnWidth = 96
const gapWidth = 26
const rowHeight = 30
const headHeight = 26
const cellCharactersMax = 13

export function drawLogOrder(order: LogOrder): Markup {
  const places = placesOf(order.columns)
  const width = rowNameWidth + places.width + 10
  const height = headHeight + order.rows.length * rowHeight + 6
  return markup`<svg class="natural" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="What each operation says lies at which offset">${drawHead(order, places, height)}${order.rows.map((row, i) => drawRow(row, order, places, headHeight + i * rowHeight))}</svg>`
}

interface Places {
  readonly x: ReadonlyMap<number, number>
  /** Left edges of gaps between columns that are not neighbours. */
  readonly gaps: ReadonlyArray<number>
  readonly width: number
}

function placesOf(columns: ReadonlyArray<number>): Places {
  const x = new Map<number, number>()
  const gaps: Array<number> = []
  let at = 0
  columns.forEach((offset, i) => {
    const before = columns[i - 1]
    if (before !== undefined && offset !== before + 1) {
      gaps.push(rowNameWidth + at)
      at += gapWidth
    }
    x.set(offset, rowNameWidth + at)
    at += columnWidth
  })
  return { x, gaps, width: at }
}

const drawHead = ({ columns, focus }: LogOrder, { x, gaps }: Places, height: number): Markup =>
  markup`<text class="head" x="0" y="15">offset</text>${columns.map((offset) => {
    const left = x.get(offset) ?? 0
    const ground = focus.has(offset)
      ? markup`<rect class="focus" x="${left}" y="0" width="${columnWidth}" height="${height}" rx="3"/>`
      : nothing
    return markup`${ground}<text class="head middle" x="${left + columnWidth / 2}" y="15">${offset}</text>`
  })}${gaps.map((left) => markup`<text class="head middle" x="${left + gapWidth / 2}" y="15">…</text>`)}`

function drawRow(row: LogOrderRow, order: LogOrder, places: Places, top: number): Markup {
  const cells = order.columns.map((offset) => drawCell(row, offset, order, places, top))
  return markup`<g class="${row.isContext ? "context" : "named"}"><line class="lane" x1="0" x2="${rowNameWidth + places.width}" y1="${top}" y2="${top}"/>${drawRowName(row.operation, top + 12)}${cells}</g>`
}

function drawCell(
  { values, from, to, mark }: LogOrderRow,
  offset: number,
  { rows, focus }: LogOrder,
  { x }: Places,
  top: number,
): Markup {
  const left = x.get(offset) ?? 0
  const value = values.get(offset)
  const isMark = mark?.offset === offset
  const edge = isMark
    ? markup`<line class="mark" x1="${left + 1}" x2="${left + 1}" y1="${top + 2}" y2="${top + rowHeight - 2}"/>`
    : nothing
  if (value !== undefined) {
    const isOdd = focus.has(offset) && rows.some((row) => differs(row, offset, value))
    const text = shortened(value, cellCharactersMax)
    return markup`<g class="cell${isOdd ? " odd" : ""}"><title>${offset}: ${value}</title><rect x="${left + 3}" y="${top + 4}" width="${columnWidth - 6}" height="${rowHeight - 8}" rx="3"/><text x="${left + columnWidth / 2}" y="${top + 19}">${text}</text></g>${edge}`
  }
  if (offset >= from && offset < to)
    return markup`<g class="cell missing${focus.has(offset) ? " odd" : ""}"><title>nothing at ${offset}</title><rect x="${left + 3}" y="${top + 4}" width="${columnWidth - 6}" height="${rowHeight - 8}" rx="3"/><text x="${left + columnWidth / 2}" y="${top + 19}">nothing</text></g>${edge}`
  if (!isMark) return nothing
  return markup`<g class="marked"><title>${mark.text} ${offset}</title>${edge}<text x="${left + 6}" y="${top + 19}">${mark.text}</text></g>`
}

/** It says something of this offset, and not the same. */
const differs = ({ values, from, to }: LogOrderRow, offset: number, value: string): boolean => {
  const other = values.get(offset)
  return other === undefined ? offset >= from && offset < to : other !== value
}
