/** Every operation as a point: when it was sent, and how long it took. */
import type uPlot from "uplot"
import type { LatencySeries, PlotData } from "../plot-data.ts"
import { colour, makePlot } from "./plot.ts"

export interface LatencyView {
  readonly kind: string
  readonly by: "outcome" | "driver"
  readonly hidden: ReadonlySet<string>
}

export interface Points {
  readonly series: LatencySeries
  readonly atSeconds: Float64Array
}

export const pointsOf = ({ latency }: PlotData): ReadonlyArray<Points> =>
  latency.map((series) => {
    let tenths = 0
    const atSeconds = Float64Array.from(series.atTenths, (step) => (tenths += step) / 10_000)
    return { series, atSeconds }
  })

const outcomeColours: Readonly<Record<string, string>> = {
  ok: "outcome-ok",
  info: "outcome-info",
  fail: "outcome-fail",
}

const driverColours = ["series-0", "series-1", "series-2", "series-3", "series-4", "series-5"]

/** What a point is called in the legend, and the name of its colour. */
export const nameOf = ({ outcome, driver }: LatencySeries, by: LatencyView["by"]): string =>
  by === "outcome" ? outcome : driver

export const colourOf = (name: string, names: ReadonlyArray<string>): string =>
  outcomeColours[name] ?? driverColours[names.indexOf(name) % driverColours.length] ?? "muted"

/** The rare and bad on top of the many. */
const order = ["ok", "info", "fail"]

// oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- ambient, without a value
const logarithmic: uPlot.Scale.Distr = 3

export function makeLatencyPlot(
  target: HTMLElement,
  data: PlotData,
  points: ReadonlyArray<Points>,
  view: () => LatencyView,
): uPlot {
  const [lowest, highest] = rangeOf(points)
  return makePlot({
    target,
    data,
    series: [{ show: true, paths: () => null, points: { show: false } }],
    values: [
      [0, data.endMs / 1000],
      [lowest, highest],
    ],
    y: {
      scale: { distr: logarithmic, log: 10, range: [lowest, highest] },
      axis: {
        filter: decades,
        grid: { stroke: colour("grid"), width: 1, filter: decades },
        ticks: { stroke: colour("grid"), width: 1, size: 4, filter: decades },
        values: (_, splits) => splits.map((ms) => (typeof ms === "number" ? decadeName(ms) : "")),
      },
    },
    draw: (plot) => drawPoints(plot, points, view()),
    isLegendShown: false,
  })
}

/** Of a logarithmic axis' many lines those of 1, 10, 100 … */
const decades = (_: uPlot, splits: ReadonlyArray<number>): Array<number | null> =>
  splits.map((ms) => (isDecade(ms) ? ms : null))

const decadeName = (ms: number): string => (ms < 1000 ? `${ms} ms` : `${ms / 1000} s`)

const isDecade = (ms: number): boolean => Math.abs(Math.log10(ms) % 1) < 1e-9

function rangeOf(points: ReadonlyArray<Points>): [number, number] {
  let lowest = 1
  let highest = 1000
  for (const { series } of points) {
    for (const ms of series.latencyMs) {
      if (ms < lowest) lowest = ms
      if (ms > highest) highest = ms
    }
  }
  return [Math.max(0.1, 10 ** Math.floor(Math.log10(lowest))), 10 ** Math.ceil(Math.log10(highest))]
}

function drawPoints(plot: uPlot, points: ReadonlyArray<Points>, view: LatencyView): void {
  const { ctx, bbox } = plot
  const names = namesOf(points, view)
  const ratio = devicePixelRatio
  ctx.save()
  ctx.beginPath()
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height)
  ctx.clip()
  for (const one of shownPoints(points, view)) {
    const { outcome } = one.series
    ctx.fillStyle = colour(colourOf(nameOf(one.series, view.by), names))
    ctx.globalAlpha = outcome === "ok" ? 0.55 : 0.9
    drawAll(plot, one, (outcome === "ok" ? 2 : 3.4) * ratio)
  }
  ctx.restore()
}

const shownPoints = (points: ReadonlyArray<Points>, { kind, by, hidden }: LatencyView) =>
  points
    .filter(({ series }) => series.kind === kind && !hidden.has(nameOf(series, by)))
    .toSorted((a, b) => order.indexOf(a.series.outcome) - order.indexOf(b.series.outcome))

/** Of the points that the view is about, hidden or not; good before bad. */
export const namesOf = (
  points: ReadonlyArray<Points>,
  { kind, by }: LatencyView,
): ReadonlyArray<string> => {
  const names = points
    .filter(({ series }) => series.kind === kind)
    .map(({ series }) => nameOf(series, by))
  return [...new Set(names)].toSorted((a, b) => order.indexOf(a) - order.indexOf(b))
}

function drawAll(plot: uPlot, { series, atSeconds }: Points, size: number): void {
  const { min = 0, max = 0 } = plot.scales["x"] ?? {}
  for (let i = 0; i < atSeconds.length; i++) {
    const at = atSeconds[i] ?? 0
    if (at < (min ?? 0) || at > (max ?? 0)) continue
    const x = plot.valToPos(at, "x", true)
    const y = plot.valToPos(series.latencyMs[i] ?? 1, "y", true)
    plot.ctx.fillRect(x - size / 2, y - size / 2, size, size)
  }
}
