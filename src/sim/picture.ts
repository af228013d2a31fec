/**
 * A Lamport picture as a self-contained SVG: a lane per broker, time downwards, messages as arrows.
 * Time is not to scale: every event gets its line, and idle time between two is shortened.
 */

/** What a picture is drawn from; times are simulated milliseconds since the run began. */
export interface PictureModel {
  readonly title: string
  readonly lanes: ReadonlyArray<string>
  readonly spans: ReadonlyArray<Span>
  readonly marks: ReadonlyArray<Mark>
  readonly messages: ReadonlyArray<PictureMessage>
}

export interface Span {
  readonly lane: number
  readonly fromMs: number
  readonly toMs: number
  readonly kind: "leader" | "down" | "paused"
}

export interface Mark {
  readonly lane: number
  readonly atMs: number
  readonly kind: "fault" | "election" | "commit" | "alarm"
  readonly text: string
}

export interface PictureMessage {
  readonly from: number
  readonly to: number
  readonly sentMs: number
  /** Null: it never arrived. */
  readonly arrivedMs: number | null
  readonly kind: "vote" | "append" | "answer" | "other"
  readonly text: string
}

const laneGap = 220
const left = 110
const top = 90
const lineGap = 17
const charsMax = 34

export function drawPicture(model: PictureModel): string {
  const scale = timeScale(model)
  const height = top + scale.height + 30
  const width = left + laneGap * model.lanes.length
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}"`,
    ` width="${width}" height="${height}" role="img" aria-label="${escape(model.title)}">`,
    `<style>${css}</style>`,
    `<defs>${arrowHeads}</defs>`,
    `<rect class="page" width="${width}" height="${height}"/>`,
    `<text class="title" x="16" y="28">${escape(model.title)}</text>`,
    legend,
    ...scale.ticks.map(
      ({ atMs, y }) => `<text class="time" x="${left - 60}" y="${y + 4}">${seconds(atMs)}</text>`,
    ),
    ...model.lanes.map((name, i) => lane(name, i, height)),
    ...model.spans.map((span) => drawnSpan(span, scale.y)),
    ...model.messages.map((message) => drawnMessage(message, scale.y)),
    ...model.marks.map((mark) => drawnMark(mark, scale.y)),
    "</svg>\n",
  ].join("\n")
}

// ---- time

interface Scale {
  readonly y: (atMs: number) => number
  readonly ticks: ReadonlyArray<{ readonly atMs: number; readonly y: number }>
  readonly height: number
}

/** Each instant at which something happens gets a line; a longer wait gets at most three. */
function timeScale(model: PictureModel): Scale {
  const lines = new Map<number, number>()
  const note = (atMs: number, least: number) =>
    lines.set(atMs, Math.max(lines.get(atMs) ?? 0, least))
  for (const { sentMs, arrivedMs } of model.messages) {
    note(sentMs, 1)
    if (arrivedMs !== null) note(arrivedMs, 1)
  }
  // Texts at one instant of one lane stand below each other.
  for (const mark of model.marks) note(mark.atMs, marksBefore(model.marks, mark) + 1)
  for (const { fromMs, toMs } of model.spans) {
    note(fromMs, 1)
    note(toMs, 1)
  }
  const instants = [...lines.keys()].toSorted((a, b) => a - b)
  const places = new Map<number, number>()
  let y = top
  // Whole pixels keep the lines sharp.
  instants.forEach((atMs, i) => {
    const idleMs = atMs - (instants[i - 1] ?? atMs)
    y += Math.round(Math.min(idleMs / 100, 2) * lineGap)
    places.set(atMs, y)
    y += (lines.get(atMs) ?? 1) * lineGap
  })
  const ticks = instants.map((atMs) => ({ atMs, y: places.get(atMs) ?? top }))
  return { y: (atMs) => places.get(atMs) ?? top, ticks, height: y - top }
}

const marksBefore = (marks: ReadonlyArray<Mark>, mark: Mark): number =>
  marks
    .slice(0, marks.indexOf(mark))
    .filter((one) => one.lane === mark.lane && one.atMs === mark.atMs).length

// ---- parts

const x = (laneIndex: number) => left + laneGap * laneIndex + 20

const lane = (name: string, i: number, height: number): string =>
  `<line class="lane" x1="${x(i)}" y1="${top - 14}" x2="${x(i)}" y2="${height - 16}"/>` +
  `<text class="name" x="${x(i)}" y="${top - 22}">${escape(name)}</text>`

function drawnSpan({ lane: at, fromMs, toMs, kind }: Span, y: Scale["y"]): string {
  const height = Math.max(y(toMs) - y(fromMs), 4)
  const box = `x="${x(at) - 5}" y="${y(fromMs)}" width="10" height="${height}" rx="3"`
  return `<rect class="span ${kind}" ${box}><title>${kind}</title></rect>`
}

function drawnMessage(message: PictureMessage, y: Scale["y"]): string {
  const { from, to, sentMs, arrivedMs, kind, text } = message
  const direction = Math.sign(to - from)
  const startX = x(from) + 6 * direction
  const startY = y(sentMs)
  // A lost one ends half-way with a cross.
  const isLost = arrivedMs === null
  const endX = isLost ? startX + (x(to) - x(from)) * 0.4 : x(to) - 8 * direction
  const endY = isLost ? startY + 14 : y(arrivedMs)
  const arrow = isLost ? "" : ` marker-end="url(#${kind})"`
  const cross = isLost ? `<text class="lost" x="${endX - 4}" y="${endY + 4}">×</text>` : ""
  const labelX = startX + (endX - startX) * (isLost ? 0.5 : 0.28)
  const labelY = startY + (endY - startY) * (isLost ? 0.5 : 0.28) - 3
  return (
    `<g><title>${escape(text)}</title>` +
    `<line class="message ${kind}" x1="${startX}" y1="${startY}" x2="${endX}" y2="${endY}"${arrow}/>` +
    `${cross}<text class="label" x="${labelX}" y="${labelY}" ` +
    `text-anchor="${direction > 0 ? "start" : "end"}">${escape(shortened(text))}</text></g>`
  )
}

function drawnMark(mark: Mark, y: Scale["y"]): string {
  const atY = y(mark.atMs)
  const sign = { fault: "⚡", election: "★", commit: "●", alarm: "✖" }[mark.kind]
  return (
    `<g class="${mark.kind}"><title>${escape(mark.text)}</title>` +
    `<text class="mark" x="${x(mark.lane) + 9}" y="${atY + 4}">` +
    `${sign} ${escape(shortened(mark.text))}</text></g>`
  )
}

const seconds = (atMs: number) => `${(atMs / 1000).toFixed(3)} s`

const shortened = (text: string) =>
  text.length > charsMax ? `${text.slice(0, charsMax - 1)}…` : text

const escape = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")

// ---- looks

const legend = [
  `<text class="legend" x="16" y="48">★ election · ● commit · ⚡ fault · ✖ alarm · × lost · `,
  `<tspan class="key-leader">▮ leads</tspan> · <tspan class="key-down">▮ down</tspan> · `,
  `<tspan class="key-paused">▮ paused</tspan></text>`,
].join("")

const arrowHeads = ["vote", "append", "answer", "other"]
  .map(
    (kind) =>
      `<marker id="${kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" ` +
      `markerHeight="7" orient="auto"><path class="head ${kind}" d="M0 0 L8 4 L0 8 z"/></marker>`,
  )
  .join("")

const css = `
:root { --page: #fff; --ink: #1f2328; --faint: #8a929b; --vote: #9a6700; --append: #0969da;
  --answer: #57606a; --other: #8250df; --leader: #2da44e; --down: #cf222e; --paused: #bf8700; }
@media (prefers-color-scheme: dark) {
  :root { --page: #14181d; --ink: #e6edf3; --faint: #7d8590; --vote: #d29922; --append: #58a6ff;
    --answer: #8b949e; --other: #bc8cff; --leader: #3fb950; --down: #f85149; --paused: #d29922; } }
text { font: 11px ui-monospace, Menlo, Consolas, monospace; fill: var(--ink); }
.page { fill: var(--page); } .title { font-size: 14px; font-weight: 600; }
.name { font-weight: 600; text-anchor: middle; font-size: 12px; }
.time { fill: var(--faint); font-size: 10px; text-anchor: middle; } .legend { fill: var(--faint); }
.lane { stroke: var(--faint); stroke-width: 1; }
.span.leader { fill: var(--leader); opacity: .55; } .span.down { fill: var(--down); opacity: .6; }
.span.paused { fill: var(--paused); opacity: .6; }
.key-leader { fill: var(--leader); } .key-down { fill: var(--down); }
.key-paused { fill: var(--paused); }
.message { stroke-width: 1.3; } .message.vote { stroke: var(--vote); }
.message.append { stroke: var(--append); } .message.answer { stroke: var(--answer); }
.message.other { stroke: var(--other); stroke-dasharray: 4 3; }
.head.vote { fill: var(--vote); } .head.append { fill: var(--append); }
.head.answer { fill: var(--answer); } .head.other { fill: var(--other); }
.label { fill: var(--faint); font-size: 9.5px; } .lost { fill: var(--down); font-size: 14px; }
.mark { paint-order: stroke; stroke: var(--page); stroke-width: 3px; }
.fault .mark { fill: var(--down); } .election .mark { fill: var(--leader); }
.alarm .mark { fill: var(--down); font-weight: 700; }`
