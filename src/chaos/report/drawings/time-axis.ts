/** Where a time lies in a drawing. All lengths are units of the drawing's own viewBox. */
import { formatTime } from "../format.ts"
import { markup } from "../markup.ts"
import type { Markup } from "../markup.ts"

export interface TimeAxis {
  readonly left: number
  readonly right: number
  readonly endMs: number
  x(ms: number): number
}

export function timeAxis(left: number, right: number, endMs: number): TimeAxis {
  const perMs = (right - left) / Math.max(1, endMs)
  const x = (ms: number): number => round(left + Math.min(Math.max(0, ms), endMs) * perMs)
  return { left, right, endMs, x }
}

/** A tenth of a unit is finer than any screen. */
export const round = (length: number): number => Math.round(length * 10) / 10

const stepsMs = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400].map(
  (seconds) => seconds * 1000,
)
const ticksMax = 14

/** At round times, at most 14 of them, however long the run. */
export function ticksOf(endMs: number): ReadonlyArray<number> {
  const longest = stepsMs.at(-1) ?? 1
  const step =
    stepsMs.find((ms) => endMs / ms <= ticksMax) ?? Math.ceil(endMs / ticksMax / longest) * longest
  return Array.from({ length: Math.floor(endMs / step) + 1 }, (_, i) => i * step)
}

/** Thin lines from `top` to `bottom` with their times beneath. */
export const drawTicks = (axis: TimeAxis, top: number, bottom: number): Markup =>
  markup`${ticksOf(axis.endMs).map((ms) => {
    const x = axis.x(ms)
    return markup`
      <line class="grid" x1="${x}" x2="${x}" y1="${top}" y2="${bottom}"/>
      <text class="tick" x="${x}" y="${bottom + 13}">${formatTime(ms)}</text>`
  })}`
