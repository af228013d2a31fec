/** Small pieces that all sections are made of. */
import { markup } from "../markup.ts"
import type { Markup } from "../markup.ts"

export const section = (id: string, title: string, ...content: ReadonlyArray<Markup>): Markup =>
  markup`
    <section id="${id}" aria-labelledby="${id}-title">
    <h2 id="${id}-title">${title}</h2>
    ${content}
    </section>`

/** What is wider than the page scrolls here, by hand and by keys, and not the page. */
export const scrolling = (label: string, content: Markup): Markup =>
  markup`<div class="scroll" role="region" aria-label="${label}" tabindex="0">${content}</div>`

type Cell = Markup | string | number

export interface Column {
  readonly name: string
  readonly isNumber?: boolean
}

export const table = (
  label: string,
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<ReadonlyArray<Cell>>,
): Markup => {
  const head = columns.map(
    ({ name, isNumber }) => markup`<th scope="col"${numberClass(isNumber)}>${name}</th>`,
  )
  const cellOf = (cell: Cell, i: number): Markup =>
    markup`<td${numberClass(columns[i]?.isNumber)}>${cell}</td>`
  const body = rows.map((cells) => markup`<tr>${cells.map(cellOf)}</tr>`)
  const whole = markup`<table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table>`
  return scrolling(label, whole)
}

const numberClass = (isNumber: boolean | undefined): Markup | undefined =>
  isNumber === true ? markup` class="number"` : undefined

export const folded = (summary: string, content: Markup): Markup =>
  markup`<details><summary>${summary}</summary>${content}</details>`

export interface LegendItem {
  readonly className: string
  readonly name: string
}

export const legend = (items: ReadonlyArray<LegendItem>): Markup =>
  markup`<ul class="legend">${items.map(legendItem)}</ul>`

const legendItem = ({ className, name }: LegendItem): Markup =>
  markup`<li><span class="swatch ${className}"></span>${name}</li>`

/** Ready to be pasted. */
export const commandBox = (command: string): Markup =>
  markup`
    <p class="label">Repeat this run</p>
    <pre class="command" tabindex="0"><code>${command}</code></pre>`
