/** What the three plots have in common: time axis, fault bands, colours, one zoom for all. */
import uPlot from "uplot"
import { formatTime } from "../format.ts"
import type { PlotData } from "../plot-data.ts"

/** Custom properties of the page's style sheet: light or dark, and on paper, as they are now. */
export const colour = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()

const bandOpacity = 0.16

/** Behind everything else, in the colours of the timeline. */
function drawBands(plot: uPlot, { bands }: PlotData): void {
  const { ctx, bbox } = plot
  ctx.save()
  ctx.beginPath()
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height)
  ctx.clip()
  ctx.globalAlpha = bandOpacity
  for (const { fromMs, toMs, family } of bands) {
    const from = plot.valToPos(fromMs / 1000, "x", true)
    const to = plot.valToPos(toMs / 1000, "x", true)
    ctx.fillStyle = colour(`family-${family}`)
    ctx.fillRect(from, bbox.top, Math.max(1, to - from), bbox.height)
  }
  ctx.restore()
}

const linked = new Set<uPlot>()
let isLinking = false

/** Dragging in one plot shows the same time in all of them. */
function linkZoom(plot: uPlot, key: string): void {
  const { min, max } = plot.scales["x"] ?? {}
  if (key !== "x" || isLinking || typeof min !== "number" || typeof max !== "number") return
  isLinking = true
  for (const other of linked) if (other !== plot) other.setScale("x", { min, max })
  isLinking = false
}

export interface PlotParts {
  readonly target: HTMLElement
  readonly data: PlotData
  readonly series: ReadonlyArray<uPlot.Series>
  readonly values: uPlot.AlignedData
  readonly y: { readonly scale: uPlot.Scale; readonly axis: uPlot.Axis }
  /** Over the bands, under the axes' lines. */
  readonly draw?: (plot: uPlot) => void
  readonly isLegendShown: boolean
}

/** Seconds between the marks of the time axis, as people count them. */
const timeSteps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200]
const height = 220

export function makePlot(parts: PlotParts): uPlot {
  const { target, data, series, values, y, draw, isLegendShown } = parts
  const font = "11px system-ui, sans-serif"
  const lines = {
    stroke: colour("muted"),
    font,
    grid: { stroke: colour("grid"), width: 1 },
    ticks: { stroke: colour("grid"), width: 1, size: 4 },
  }
  const plot = new uPlot(
    {
      width: Math.max(240, target.clientWidth),
      height,
      padding: [8, 10, 0, 0],
      legend: { show: isLegendShown, live: true },
      cursor: { sync: { key: "run", setSeries: false }, points: { show: isLegendShown } },
      scales: { x: { time: false, range: (_, min, max) => [min, max] }, y: y.scale },
      axes: [
        {
          ...lines,
          size: 30,
          space: 60,
          incrs: timeSteps,
          values: (_, splits) =>
            splits.map((seconds) => formatTime(seconds * 1000, seconds % 1 !== 0)),
        },
        { ...lines, size: 58, ...y.axis },
      ],
      series: [
        {
          label: "time",
          value: (_, at) => (typeof at !== "number" ? "–" : formatTime(at * 1000, true)),
        },
        ...series,
      ],
      hooks: {
        drawClear: [(drawn) => drawBands(drawn, data)],
        setScale: [linkZoom],
        ...(draw === undefined ? {} : { drawSeries: [], draw: [draw] }),
      },
    },
    values,
    target,
  )
  linked.add(plot)
  return plot
}

export function forgetPlot(plot: uPlot): void {
  linked.delete(plot)
  plot.destroy()
}

/** The whole run, again, in all plots. */
export function showWholeRun({ endMs }: PlotData): void {
  for (const plot of linked) plot.setScale("x", { min: 0, max: endMs / 1000 })
}
