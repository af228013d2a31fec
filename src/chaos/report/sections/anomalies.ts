/** Each broken promise: what it means, who saw it, what else went on. */
import { chosenAnomalies, logWindowMs } from "../anomalies/evidence.ts"
import type { Evidence } from "../anomalies/evidence.ts"
import { logOrderOf } from "../anomalies/log-order.ts"
import type { LostWrites } from "../anomalies/lost-writes.ts"
import type { Anomaly, AnomalyKind } from "../../checkers/index.ts"
import type { FaultRecord } from "../../fault.ts"
import type { Operation } from "../../history/history.ts"
import type { RunResult } from "../../result.ts"
import { drawLogOrder } from "../drawings/log-order.ts"
import { drawOperationsInTime } from "../drawings/operations-in-time.ts"
import { outcomeWord } from "../drawings/row-names.ts"
import { counted, formatCount, formatTime, partitionLabel } from "../format.ts"
import { markup, nothing } from "../markup.ts"
import type { Markup } from "../markup.ts"
import { explanationOf } from "../words/anomalies.ts"
import { answerText, askedText } from "../words/calls.ts"
import { folded, scrolling, section, table } from "./parts.ts"

export function anomaliesSection(
  result: RunResult,
  evidence: ReadonlyArray<Evidence>,
  lost: ReadonlyArray<LostWrites>,
): Markup {
  const counts = Object.entries(result.anomalyCounts).filter(([, count]) => count > 0)
  if (counts.length === 0) return section("anomalies", "Anomalies", markup`<p>None was found.</p>`)
  const byKind = Map.groupBy(evidence, ({ anomaly }) => anomaly.kind)
  const kinds = [...byKind].map(([kind, own]) => kindArticle(kind, own, result))
  return section(
    "anomalies",
    "Anomalies",
    markup`<p>An anomaly is something that clients saw and that cannot be, if the promises hold. One bug shows itself many times; the first few of each kind are drawn.</p>`,
    countsTable(counts),
    lostTable(lost),
    markup`${kinds}`,
    notDrawn(result.anomalies),
  )
}

const titleOf = (kind: string): string => explanationOf(kind)?.title ?? kind

const countsTable = (counts: ReadonlyArray<readonly [kind: string, count: number]>): Markup =>
  table(
    "Anomalies by kind",
    [{ name: "anomaly" }, { name: "found", isNumber: true }, { name: "in words" }],
    counts
      .toSorted(([, a], [, b]) => b - a)
      .map(([kind, count]) => [
        markup`<a href="#kind-${kind}"><code>${kind}</code></a>`,
        formatCount(count),
        titleOf(kind),
      ]),
  )

function lostTable(lost: ReadonlyArray<LostWrites>): Markup {
  if (lost.length === 0) return nothing
  const rows = lost.map(({ partition, prefix, middle, postfix, byNode }) => [
    partitionLabel(partition),
    prefix,
    middle,
    postfix,
    [...byNode]
      .toSorted(([a], [b]) => a - b)
      .map(([node, count]) => `${node < 0 ? "not told" : `broker ${node}`}: ${count}`)
      .join(", "),
  ])
  return markup`<h3>Where the lost records lay</h3><p>At the beginning of the log, between records that are still there, or behind its end.</p>${table(
    "Lost records by place",
    [
      { name: "partition" },
      { name: "beginning", isNumber: true },
      { name: "middle", isNumber: true },
      { name: "end", isNumber: true },
      { name: "acknowledged by" },
    ],
    rows,
  )}`
}

function kindArticle(
  kind: AnomalyKind,
  evidence: ReadonlyArray<Evidence>,
  result: RunResult,
): Markup {
  const total = result.anomalyCounts[kind] ?? evidence.length
  const explanation = explanationOf(kind)
  return markup`<article class="kind" id="kind-${kind}"><h3>${titleOf(kind)} <code>${kind}</code></h3><p>${explanation?.text ?? ""}</p><p class="note">Found ${counted(total, "time")}${total > evidence.length ? `; ${evidence.length} of them are drawn here` : ""}.</p>${evidence.map((one, i) => anomalyArticle(one, i + 1, result))}</article>`
}

function anomalyArticle(evidence: Evidence, number: number, result: RunResult): Markup {
  const { anomaly, operations, context } = evidence
  const order = logOrderOf(anomaly.detail, operations, context)
  const where = anomaly.partition === "" ? "" : ` in ${partitionLabel(anomaly.partition)}`
  return markup`<article class="anomaly"><h4>${number}${where}</h4><p class="detail">${anomaly.detail}</p>${operationsTable(operations, context)}${order === undefined ? nothing : markup`<h5>What the log holds, as each operation tells it</h5>${scrolling("Order in the log", drawLogOrder(order))}`}${timePicture(evidence, result)}${faultLines(evidence)}${logLines(evidence)}<p class="label">Repeat this run</p><pre class="command" tabindex="0"><code>${result.command}</code></pre></article>
`
}

const timePicture = (evidence: Evidence, { phases }: RunResult): Markup =>
  evidence.operations.length === 0
    ? nothing
    : markup`<h5>The operations in time</h5>${scrolling("Operations in time", drawOperationsInTime(evidence, phases.drainMs))}`

const operationRow = (operation: Operation, isContext: boolean) => [
  markup`#${operation.id}${isContext ? markup` <span class="aside">context</span>` : nothing}`,
  operation.process,
  askedText(operation),
  markup`<span class="outcome-${operation.outcome}">${answerText(operation)}</span>`,
  formatTime(operation.invokedMs, true),
  operation.outcome === "pending" ? outcomeWord(operation) : formatTime(operation.returnedMs, true),
  operation.node < 0 ? "–" : operation.node,
]

function operationsTable(
  operations: ReadonlyArray<Operation>,
  context: ReadonlyArray<Operation>,
): Markup {
  const rows = [
    ...operations.map((one) => operationRow(one, false)),
    ...context.map((one) => operationRow(one, true)),
  ]
  if (rows.length === 0) return markup`<p class="note">The checker names no operation.</p>`
  return table(
    "Operations concerned",
    [
      { name: "operation" },
      { name: "client" },
      { name: "asked" },
      { name: "told" },
      { name: "from", isNumber: true },
      { name: "to", isNumber: true },
      { name: "broker", isNumber: true },
    ],
    rows,
  )
}

const faultLines = ({ active, next }: Evidence): Markup =>
  markup`${faultList("Faults at that time", active)}${faultList("The next faults", next)}`

const faultList = (title: string, faults: ReadonlyArray<FaultRecord>): Markup =>
  faults.length === 0 ? nothing : markup`<h5>${title}</h5><ul>${faults.map(faultLine)}</ul>`

const faultLine = ({ plan, target, injectedMs, healedMs, evidence }: FaultRecord): Markup =>
  markup`<li><b>${plan.kind}</b> ${target}, ${formatTime(injectedMs, true)} to ${formatTime(healedMs, true)}: ${evidence}</li>`

function logLines({ logLines: lines, logLinesLeftOut }: Evidence): Markup {
  if (lines.length === 0) return nothing
  const text = lines.map(
    ({ atMs, node, text: said }) =>
      markup`<span class="at">${formatTime(atMs, true)} broker ${node}</span> ${said}
`,
  )
  const more =
    logLinesLeftOut > 0
      ? markup`<p class="note">${counted(logLinesLeftOut, "more line")} in the logs.</p>`
      : nothing
  return folded(
    `What the brokers logged, ${logWindowMs / 1000} s before and after (${counted(lines.length, "line")})`,
    markup`${scrolling("Lines of the brokers' logs", markup`<pre class="log">${text}</pre>`)}${more}`,
  )
}

function notDrawn(anomalies: ReadonlyArray<Anomaly>): Markup {
  const drawn = new Set(chosenAnomalies(anomalies))
  const rest = anomalies.filter((anomaly) => !drawn.has(anomaly))
  if (rest.length === 0) return nothing
  return folded(
    `${counted(rest.length, "more anomaly", "more anomalies")}, not drawn`,
    table(
      "Anomalies that are not drawn",
      [{ name: "anomaly" }, { name: "partition" }, { name: "what" }, { name: "operations" }],
      rest.map(({ kind, partition, detail, operations }) => [
        markup`<code>${kind}</code>`,
        partitionLabel(partition),
        detail,
        operations.map((id) => `#${id}`).join(" "),
      ]),
    ),
  )
}
