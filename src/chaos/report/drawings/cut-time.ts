/** Time that is proportional where something happens, and cut out where nothing does for long. */
import { round } from "./time-axis.ts"

export interface CutTime {
  readonly x: (ms: number) => number
  /** Middles of what is cut out, and how long it was. */
  readonly breaks: ReadonlyArray<{ readonly x: number; readonly ms: number }>
}

const breakWidth = 46
const stepMin = 20
const cutMsMin = 3000
/** Between the edges of the drawing and the first and last moment. */
const padding = 12
const lastRoom = 78

/** `times`: of all that is shown, ascending, each once; from `left`, `width` wide at most. */
export function cutTime(times: ReadonlyArray<number>, left: number, width: number): CutTime {
  const gaps = times.slice(1).map((ms, i) => ms - (times[i] ?? ms))
  const capMs = capOf(gaps)
  const cut = gaps.filter((gap) => gap > capMs).length
  const keptMs = gaps.reduce((sum, gap) => sum + (gap > capMs ? 0 : gap), 0)
  const steps = gaps.length - cut
  const room = width - padding - lastRoom - cut * breakWidth - steps * stepMin
  const perMs = keptMs > 0 ? Math.max(0, room) / keptMs : 0
  const breaks: Array<{ x: number; ms: number }> = []
  const xs: Array<number> = [left + padding]
  for (const gap of gaps) {
    const from = xs.at(-1) ?? left
    if (gap > capMs) breaks.push({ x: round(from + breakWidth / 2), ms: gap })
    xs.push(from + (gap > capMs ? breakWidth : stepMin + gap * perMs))
  }
  return { x: (ms) => round(interpolated(times, xs, ms)), breaks }
}

/** A gap is cut out when it is three times all shorter ones together, and long in itself. */
function capOf(gaps: ReadonlyArray<number>): number {
  let sum = 0
  for (const gap of gaps.toSorted((a, b) => a - b)) {
    if (gap > cutMsMin && gap > 3 * sum) return Math.max(sum, gap - 1)
    sum += gap
  }
  return Infinity
}

/** Before the first moment and after the last one everything lies at the edge of the drawing. */
function interpolated(times: ReadonlyArray<number>, xs: ReadonlyArray<number>, ms: number): number {
  const after = times.findIndex((time) => time >= ms)
  const last = xs.at(-1) ?? 0
  if (after === -1) return last + lastRoom
  const toX = xs[after] ?? 0
  if (after === 0) return times[0] === ms ? toX : toX - padding
  const fromMs = times[after - 1] ?? 0
  const fromX = xs[after - 1] ?? 0
  const share = (ms - fromMs) / Math.max(1e-9, (times[after] ?? 0) - fromMs)
  return fromX + share * (toX - fromX)
}
