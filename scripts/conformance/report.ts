/** docs/conformance.md: the part between its two marks, from a replay against live brokers. */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { root } from "../harness/target.ts"
import type { KnownDifference } from "./known-differences.ts"
import type { Replayed } from "./replay.ts"
import type { Ranges } from "./respondent.ts"
import { sameOf, shareOf, verdictOn } from "./verdicts.ts"

const begin = "<!-- written by scripts/conformance.ts -->"
const end = "<!-- end of what is written -->"

const percent = (share: number) => `${(100 * share).toFixed(1)} %`

/** The reasons in the order of their first use. */
class Reasons {
  readonly all: Array<string> = []

  mark({ reason }: KnownDifference): string {
    if (!this.all.includes(reason)) this.all.push(reason)
    return `[${this.all.indexOf(reason) + 1}]`
  }
}

interface Row {
  readonly from: number
  readonly to: number
  readonly asked: number
  readonly same: number
  readonly verdict: string
}

function rowOf(version: number, replayed: ReadonlyArray<Replayed>, reasons: Reasons): Row {
  const verdicts = replayed.map(verdictOn)
  const same = verdicts.filter(({ _tag }) => _tag === "same").length
  const because = verdicts.flatMap((one) => (one._tag === "differs" ? one.because : []))
  const marks = [...new Set(because.map((one) => reasons.mark(one)))].join(" ")
  const open = verdicts.filter(({ _tag }) => _tag === "unexplained").length
  const verdict = replayed.every(({ offered }) => !offered)
    ? "not offered"
    : open > 0
      ? `differs in ${open} without a reason yet ${marks}`.trimEnd()
      : marks === ""
        ? "same"
        : `differs, because ${marks}`
  return { from: version, to: version, asked: replayed.length, same, verdict }
}

/** Neighbouring versions with the same verdict share a row. */
function merged(rows: ReadonlyArray<Row>): ReadonlyArray<Row> {
  const all: Array<Row> = []
  for (const row of rows) {
    const last = all.at(-1)
    if (last === undefined || last.verdict !== row.verdict) all.push(row)
    else {
      const { from } = last
      const [asked, same] = [last.asked + row.asked, last.same + row.same]
      all[all.length - 1] = { ...row, from, asked, same }
    }
  }
  return all
}

function tableOf(replayed: ReadonlyArray<Replayed>, reasons: Reasons): ReadonlyArray<string> {
  const lines = [
    "| API | versions | questions | same | verdict |",
    "| --- | --- | --- | --- | --- |",
  ]
  const byApi = [...Map.groupBy(replayed, ({ api }) => api)]
  for (const [api, ofApi] of byApi.toSorted(([a], [b]) => a.key - b.key)) {
    const byVersion = [...Map.groupBy(ofApi, ({ exchange }) => exchange.version)]
    const rows = byVersion
      .toSorted(([a], [b]) => a - b)
      .map(([version, ofVersion]) => rowOf(version, ofVersion, reasons))
    for (const { from, to, asked, same, verdict } of merged(rows)) {
      const versions = from === to ? `${from}` : `${from}–${to}`
      lines.push(`| ${api.name} | ${versions} | ${asked} | ${same} | ${verdict} |`)
    }
  }
  return lines
}

function summaryOf(name: string, replayed: ReadonlyArray<Replayed>): string {
  const share = shareOf(replayed)
  return (
    `- **${name}**: ${replayed.length} questions; ${share.asked} of them to APIs and versions ` +
    `that varve offers, ${share.same} answered the same: **${percent(sameOf(share))}** of the ` +
    `${share.asked - share.unasked} that could be put (${share.unasked} build on an API that is ` +
    `not offered), ${percent(share.same / share.asked)} of all.`
  )
}

function wordsLine(replayed: ReadonlyArray<Replayed>): string {
  const count = (of: "same" | "other") => replayed.reduce((sum, { words }) => sum + words[of], 0)
  const all = count("same") + count("other")
  return `- Of ${all} messages for people, ${count("same")} are Kafka's, word for word.`
}

const isGolden = ({ exchange }: Replayed) => exchange.seq < 10_000

export function writeReport(replayed: ReadonlyArray<Replayed>, offered: Ranges): void {
  const reasons = new Reasons()
  const table = tableOf(replayed, reasons)
  const text = [
    begin,
    "",
    summaryOf("Golden questions", replayed.filter(isGolden)),
    summaryOf(
      "Our own questions",
      replayed.filter((one) => !isGolden(one)),
    ),
    wordsLine(replayed),
    `- varve offers ${offered.size} APIs; each has Kafka's own range of versions.`,
    "",
    "### Reasons",
    "",
    ...reasons.all.map((reason, i) => `${i + 1}. ${reason}.`),
    "",
    "### Per API and version",
    "",
    "A number in brackets is a reason above. `not offered`: the connection is closed, as Kafka",
    "closes it for what it does not offer.",
    "",
    ...table,
    "",
    end,
  ].join("\n")
  const path = join(root, "docs", "conformance.md")
  const before = existsSync(path) ? readFileSync(path, "utf8") : `${begin}${end}\n`
  const [head = "", rest = ""] = before.split(begin)
  writeFileSync(path, `${head}${text}${rest.split(end)[1] ?? "\n"}`)
}
