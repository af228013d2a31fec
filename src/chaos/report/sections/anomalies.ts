/** Each broken promise: what it means, who saw it, what else went on. */
import { chosenAnomalies, logWindowMs } from "../anomalies/evidence.ts"
import type { Evidence } from "../anomalies/evidence.ts"
import { logOrderOf } from "../anomalies/log-order.ts"
import type { Anomaly, AnomalyKind, Losses } from "../../checkers/index.ts"
import type { FaultRecord } from "../../fault.ts"
import type { Operation } from "../../history/history.ts"
import type { RunResult } from "../../result.ts"
import { drawLogOrder } from "../drawings/log-order.ts"
import { drawOperationsInTime } from "../drawings/operations-in-time.ts"
import { outcomeWord } from "../drawings/row-names.ts"
import { counted, formatCount, formatTime, partitionLabel } from "../format.ts"
import { markup, nothing } from "../markup.ts"
import type { Markup } from "../markup.ts"
import { explanationOf, titleOf } from "../words/anomalies.ts"
import { answerText, askedText } from "../words/calls.ts"
import { commandBox, folded, scrolling, section, table } from "./parts.ts"

export function anomaliesSection(result: RunResult, evidence: ReadonlyArray<Evidence>): Markup {
  const counts = Object.entries(result.anomalyCounts).filter(([, count]) => count > 0)
  if (counts.length === 0) return section("anomalies", "Anomalies", markup`<p>None was found.</p>`)
  const byKind = Map.groupBy(evidence, ({ anomaly }) => anomaly.kind)
  const kinds = [...byKind].map(([kind, own]) => kindArticle(kind, own, result))
  return section(
    "anomalies",
    "Anomalies",
    markup`
      <p>An anomaly is something that clients saw and that cannot be, if the promises hold. One bug
      ${" "}shows itself many times; the first few of each kind are drawn.</p>`,
    countsTable(counts),
    lostTable(result.losses ?? []),
    markup`${kinds}`,
    notDrawn(result.anomalies),
  )
}

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

function lostTable(losses: ReadonlyArray<Losses>): Markup {
  if (losses.length === 0) return nothing
  const columns = [
    { name: "partition" },
    { name: "beginning", isNumber: true },
    { name: "middle", isNumber: true },
    { name: "end", isNumber: true },
    { name: "missing on" },
  ]
  const rows = losses.map(({ partition, prefix, middle, postfix, missingOn }) => [
    partitionLabel(partition),
    prefix,
    middle,
    postfix,
    Object.entries(missingOn)
      .map(([node, count]) => `broker ${node}: ${count}`)
      .join(", "),
  ])
  return markup`
    <h3>Where the lost records lay</h3>
    <p>Before all records that are still there (a log that was begun anew), behind them (a tail that
    ${" "}was cut off), or between them.</p>
    ${table("Lost records by place", columns, rows)}`
}

function kindArticle(
  kind: AnomalyKind,
  evidence: ReadonlyArray<Evidence>,
  result: RunResult,
): Markup {
  const total = result.anomalyCounts[kind] ?? evidence.length
  const { what = "", whyItMatters = "" } = explanationOf(kind) ?? {}
  const drawn = total > evidence.length ? `; ${evidence.length} of them are drawn here` : ""
  return markup`
    <article class="kind" id="kind-${kind}">
    <h3>${titleOf(kind)} <code>${kind}</code></h3>
    <p>${what} ${whyItMatters}</p>
    <p class="note">Found ${counted(total, "time")}${drawn}.</p>
    ${evidence.map((one, i) => anomalyArticle(one, i + 1, result))}
    </article>`
}

function anomalyArticle(evidence: Evidence, number: number, result: RunResult): Markup {
  const { anomaly, operations, context } = evidence
  const where = anomaly.partition === "" ? "" : ` in ${partitionLabel(anomaly.partition)}`
  return markup`
    <article class="anomaly">
    <h4>${number}${where}</h4>
    <p class="detail">${anomaly.detail}</p>
    ${operationsTable(operations, context)}
    ${orderPicture(evidence)}
    ${timePicture(evidence, result)}
    ${faultLines(evidence)}
    ${logLines(evidence)}
    ${commandBox(result.command)}
    </article>`
}

function orderPicture({ anomaly, operations, context }: Evidence): Markup {
  const order = logOrderOf(anomaly.detail, operations, context)
  if (order === undefined) return nothing
  return markup`
    <h5>What the log holds, as each operation tells it</h5>
    ${scrolling("Order in the log", drawLogOrder(order))}`
}

const timePicture = (evidence: Evidence, { phases }: RunResult): Markup =>
  evidence.operations.length === 0
    ? nothing
    : markup`
        <h5>The operations in time</h5>
        ${scrolling("Operations in time", drawOperationsInTime(evidence, phases.drainMs))}`

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

const faultLine = ({ plan, target, injectedMs, healedMs, evidence }: FaultRecord): Markup => {
  const when = `${formatTime(injectedMs, true)} to ${formatTime(healedMs, true)}`
  return markup`<li><b>${plan.kind}</b> ${target}, ${when}: ${evidence}</li>`
}

function logLines({ logLines: lines, logLinesLeftOut }: Evidence): Markup {
  if (lines.length === 0) return nothing
  const text = lines.map(
    ({ atMs, node, text: said }) =>
      markup`<span class="at">${formatTime(atMs, true)} broker ${node}</span> ${said}${"\n"}`,
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
