/** The page's own program: draws the plots, and again when light, width or choice change. */
// oxlint-disable-next-line import/no-unassigned-import -- it is there for its effect
import "./language.ts"
import type uPlot from "uplot"
import { formatCount } from "../format.ts"
import { plotDataId } from "../plot-data.ts"
import type { PlotData } from "../plot-data.ts"
import { colourOf, makeLatencyPlot, namesOf, pointsOf } from "./latency.ts"
import type { LatencyView } from "./latency.ts"
import { colour, forgetPlot, makePlot, showWholeRun } from "./plot.ts"

const outcomeNames: Readonly<Record<string, string>> = {
  ok: "acknowledged",
  info: "outcome unknown",
  fail: "refused",
}

function show(data: PlotData): void {
  const points = pointsOf(data)
  let view: LatencyView = { kind: "writes", by: "outcome", hidden: new Set() }
  let plots: ReadonlyArray<uPlot> = []
  const latencyTarget = document.getElementById("plot-latency")

  const redraw = (): void => {
    plots.forEach(forgetPlot)
    plots = [
      ...(latencyTarget === null ? [] : [makeLatencyPlot(latencyTarget, data, points, () => view)]),
      ...lines("plot-throughput", data, throughputLines(data, "acknowledged", "series-0")),
      ...lines("plot-read", data, throughputLines(data, "read", "series-1")),
      ...lines("plot-unseen", data, unseenLine(data)),
    ]
  }
  const look = (changed: Partial<LatencyView>): void => {
    view = { ...view, ...changed }
    drawLegend()
    plots[0]?.redraw(false)
  }
  const drawLegend = (): void => {
    const legend = document.getElementById("latency-legend")
    if (legend === null) return
    const names = namesOf(points, view)
    legend.replaceChildren(...names.map((name) => legendButton(name, names, view, look)))
  }

  for (const choice of document.querySelectorAll<HTMLSelectElement>("select[data-latency]"))
    choice.addEventListener("change", () => look(chosen(choice)))
  document.getElementById("whole-run")?.addEventListener("click", () => showWholeRun(data))
  redraw()
  drawLegend()
  redrawWhenNeeded(redraw)
}

const chosen = ({ dataset, value }: HTMLSelectElement): Partial<LatencyView> =>
  dataset["latency"] === "kind"
    ? { kind: value, hidden: new Set() }
    : { by: value === "driver" ? "driver" : "outcome", hidden: new Set() }

function legendButton(
  name: string,
  names: ReadonlyArray<string>,
  view: LatencyView,
  look: (changed: Partial<LatencyView>) => void,
): HTMLElement {
  const button = document.createElement("button")
  const swatch = document.createElement("span")
  const isShown = !view.hidden.has(name)
  swatch.className = "swatch"
  swatch.style.background = `var(--${colourOf(name, names)})`
  button.type = "button"
  button.setAttribute("aria-pressed", `${isShown}`)
  button.append(swatch, outcomeNames[name] ?? name)
  button.addEventListener("click", () => {
    const hidden = new Set(view.hidden)
    if (isShown) hidden.add(name)
    else hidden.delete(name)
    look({ hidden })
  })
  return button
}

interface Line {
  readonly label: string
  readonly colour: string
  readonly atSeconds: ReadonlyArray<number>
  readonly values: ReadonlyArray<number>
  readonly unit: string
}

const throughputLines = (
  { throughput }: PlotData,
  label: "acknowledged" | "read",
  name: string,
): Line => ({
  label,
  colour: name,
  atSeconds: throughput[label].map((_, i) => (i * throughput.bucketMs) / 1000),
  values: throughput[label],
  unit: "/s",
})

const unseenLine = ({ unseen }: PlotData): Line => ({
  label: "unseen records",
  colour: "series-0",
  atSeconds: unseen.atMs.map((ms) => ms / 1000),
  values: unseen.records,
  unit: "",
})

function lines(id: string, data: PlotData, line: Line): Array<uPlot> {
  const target = document.getElementById(id)
  if (target === null || line.values.length === 0) return []
  const stroke = colour(line.colour)
  const plot = makePlot({
    target,
    data,
    series: [
      {
        label: line.label,
        stroke,
        fill: `${stroke}22`,
        width: 1.5,
        points: { show: false },
        value: (_, value) =>
          typeof value === "number" ? `${formatCount(value)}${line.unit}` : "–",
      },
    ],
    values: [[...line.atSeconds], [...line.values]],
    y: {
      scale: { range: (_, __, max) => [0, Math.max(1, max * 1.08)] },
      axis: { values: (_, splits) => splits.map((at) => `${formatCount(at)}${line.unit}`) },
    },
    isLegendShown: true,
  })
  plot.setScale("x", { min: 0, max: data.endMs / 1000 })
  return [plot]
}

/** Paper is light, and shows what is folded on the screen. */
function redrawWhenNeeded(redraw: () => void): void {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw)
  let width = innerWidth
  addEventListener("resize", () => {
    // Phones tell of a new height whenever their bars come and go.
    if (innerWidth === width) return
    width = innerWidth
    redraw()
  })
  let folded: ReadonlyArray<HTMLDetailsElement> = []
  addEventListener("beforeprint", () => {
    document.documentElement.classList.add("print")
    folded = [...document.querySelectorAll<HTMLDetailsElement>("details:not([open])")]
    for (const details of folded) details.open = true
    redraw()
  })
  addEventListener("afterprint", () => {
    document.documentElement.classList.remove("print")
    for (const details of folded) details.open = false
    redraw()
  })
}

// Last: what is above must be defined by then.
const dataElement = document.getElementById(plotDataId)
if (dataElement !== null) show(JSON.parse(dataElement.textContent ?? "{}"))
