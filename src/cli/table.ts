/** Columns under their headings, as wide as they need; colour where it is wanted. Pure. */
import { toned } from "./terminal.ts"
import type { Tone } from "./terminal.ts"

export type Cell = string | number | { readonly text: string | number; readonly tone: Tone }

const textOf = (cell: Cell): string => String(typeof cell === "object" ? cell.text : cell)
const toneOf = (cell: Cell): Tone | undefined => (typeof cell === "object" ? cell.tone : undefined)

export function formatTable(
  head: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<Cell>>,
  coloured = false,
): string {
  const heading = head.map((text) => ({ text, tone: "bold" as const }))
  const all: ReadonlyArray<ReadonlyArray<Cell>> = [heading, ...rows]
  const widths = head.map((_, i) =>
    Math.max(...all.map((row) => Bun.stringWidth(textOf(row[i] ?? "")))),
  )
  return all
    .map((row) =>
      row
        .map((cell, i) => {
          const text = textOf(cell)
          const room = (widths[i] ?? 0) - Bun.stringWidth(text)
          return toned(text, toneOf(cell), coloured) + " ".repeat(Math.max(0, room))
        })
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("")
}

/** 1536 → 1.5 KiB. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"]
  let size = bytes
  let unit = 0
  for (; size >= 1024 && unit < units.length - 1; unit++) size /= 1024
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`
}
