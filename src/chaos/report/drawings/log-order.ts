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
  const rows = order.rows.map((row, i) => drawRow(row, order, places, headHeight + i * rowHeight))
  return markup`
    <svg class="natural" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"
    ${" "}role="img" aria-label="What each operation says lies at which offset">
    ${drawHead(order, places, height)}
    ${rows}
    </svg>`
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

function drawHead({ columns, focus }: LogOrder, { x, gaps }: Places, height: number): Markup {
  const grounds = columns
    .filter((offset) => focus.has(offset))
    .map((offset) => {
      const size = markup`width="${columnWidth}" height="${height}"`
      return markup`<rect class="focus" x="${x.get(offset) ?? 0}" y="0" ${size} rx="3"/>`
    })
  const names = columns.map((offset) => drawHeadText(x.get(offset) ?? 0, columnWidth, offset))
  return markup`
    ${grounds}
    <text class="head" x="0" y="15">offset</text>
    ${names}
    ${gaps.map((left) => drawHeadText(left, gapWidth, "…"))}`
}

const drawHeadText = (left: number, width: number, text: string | number): Markup =>
  markup`<text class="head middle" x="${left + width / 2}" y="15">${text}</text>`

function drawRow(row: LogOrderRow, order: LogOrder, places: Places, top: number): Markup {
  const cells = order.columns.map((offset) => drawCell(row, offset, order, places, top))
  return markup`
    <g class="${row.isContext ? "context" : "named"}">
    <line class="lane" x1="0" x2="${rowNameWidth + places.width}" y1="${top}" y2="${top}"/>
    ${drawRowName(row.operation, top + 12)}
    ${cells}
    </g>`
}

function drawCell(
  row: LogOrderRow,
  offset: number,
  { rows, focus }: LogOrder,
  { x }: Places,
  top: number,
): Markup {
  const left = x.get(offset) ?? 0
  const { values, from, to, mark } = row
  const value = values.get(offset)
  const text = mark?.offset === offset ? mark.text : undefined
  const edge = text === undefined ? nothing : drawMark(left, top)
  if (value !== undefined) {
    const isOdd = focus.has(offset) && rows.some((other) => differs(other, offset, value))
    return markup`${drawBox(isOdd ? "cell odd" : "cell", left, top, value)}${edge}`
  }
  if (offset >= from && offset < to) {
    const name = focus.has(offset) ? "cell missing odd" : "cell missing"
    return markup`${drawBox(name, left, top, "nothing")}${edge}`
  }
  if (text === undefined) return nothing
  return markup`<g class="marked">${edge}<text x="${left + 6}" y="${top + 19}">${text}</text></g>`
}

const drawMark = (left: number, top: number): Markup => {
  const x = left + 1
  return markup`<line class="mark" x1="${x}" x2="${x}" y1="${top + 2}" y2="${top + rowHeight - 2}"/>`
}

const drawBox = (name: string, left: number, top: number, text: string): Markup => {
  const size = markup`width="${columnWidth - 6}" height="${rowHeight - 8}"`
  return markup`
    <g class="${name}"><title>${text}</title>
    <rect x="${left + 3}" y="${top + 4}" ${size} rx="3"/>
    <text x="${left + columnWidth / 2}" y="${top + 19}">${shortened(text, cellCharactersMax)}</text>
    </g>`
}

/** It says something of this offset, and not the same. */
const differs = ({ values, from, to }: LogOrderRow, offset: number, value: string): boolean => {
  const other = values.get(offset)
  return other === undefined ? offset >= from && offset < to : other !== value
}
