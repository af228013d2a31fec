import { beforeAll, describe, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { anomalyKinds } from "../../../src/chaos/checkers/index.ts"
import { faultKinds } from "../../../src/chaos/fault.ts"
import { loadAssets } from "../../../src/chaos/report/assets.ts"
import { jsonForScript, markup } from "../../../src/chaos/report/markup.ts"
import type { Assets } from "../../../src/chaos/report/page.ts"
import { pageOf } from "../../../src/chaos/report/page.ts"
import { explanationOf, titleOf } from "../../../src/chaos/report/words/anomalies.ts"
import { faultWords } from "../../../src/chaos/report/words/faults.ts"
import { writeReport } from "../../../src/chaos/report/write-report.ts"
import type { FixtureOptions } from "./fixture.ts"
import { makeFixture } from "./fixture.ts"

let assets: Assets

beforeAll(async () => {
  assets = await loadAssets()
})

const pageFor = (options: Partial<FixtureOptions>, files: ReadonlyArray<string> = []) => {
  const fixture = makeFixture({ seconds: 30, rate: 30, ...options })
  return { ...fixture, page: pageOf({ ...fixture, assets, files }) }
}

/** Without what is no markup: style, program, data. */
const markupOf = (page: string) =>
  page.replace(/<style>[\s\S]*?<\/style>/g, "").replace(/<script[\s\S]*?<\/script>/g, "")

/** What a browser is told to let the page do. */
const policyOf = (page: string): string =>
  (/Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1] ?? "").replaceAll("&#39;", "'")

const isVoid = (name: string) => ["meta", "br", "hr", "img", "input", "link"].includes(name)

/** Names of elements that are not closed in their order; every attribute must be quoted. */
function misnested(page: string): ReadonlyArray<string> {
  const open: Array<string> = []
  const wrong: Array<string> = []
  const tag = /<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+(?:="[^"<]*")?)*)\s*(\/?)>|<(?!!doctype)/g
  for (const [text, close, name = "", , selfClosing] of markupOf(page).matchAll(tag)) {
    if (name === "") wrong.push(text)
    else if (close === "/") {
      if (open.pop() !== name) wrong.push(`</${name}>`)
    } else if (selfClosing !== "/" && !isVoid(name)) open.push(name)
  }
  return [...wrong, ...open]
}

async function textsOf(page: string, selector: string): Promise<ReadonlyArray<string>> {
  const texts: Array<string> = []
  const rewriter = new HTMLRewriter().on(selector, {
    element: () => {
      texts.push("")
    },
    text: ({ text }) => {
      texts.push((texts.pop() ?? "") + text)
    },
  })
  await rewriter.transform(new Response(page)).text()
  return texts
}

describe("the page", () => {
  test("is well formed, whatever the verdict", () => {
    expect(misnested(pageFor({}).page)).toEqual([])
    expect(misnested(pageFor({ spoiled: false, partitions: 64 }).page)).toEqual([])
    expect(misnested(pageFor({ seconds: 1, rate: 0 }).page)).toEqual([])
  })

  test("that check can say no", () => {
    expect(misnested("<p><b>bold</p></b>")).not.toEqual([])
    expect(misnested("<p title=a>text</p>")).not.toEqual([])
    expect(misnested("<p>text")).not.toEqual([])
  })

  test("says the verdict and its reasons first", async () => {
    const { page, result } = pageFor({})
    expect(await textsOf(page, "h1 .word")).toEqual(["INVALID"])
    expect(await textsOf(page, ".reasons li")).toEqual([...result.reasons])
    expect(page.indexOf("<h1>")).toBeLessThan(page.indexOf("<h2"))
    const valid = pageFor({ spoiled: false })
    expect(await textsOf(valid.page, "h1 .word")).toEqual(["VALID"])
  })

  test("has every section, each with a headline", async () => {
    const headlines = await textsOf(pageFor({}).page, "h2")
    expect(headlines).toEqual([
      "What was promised",
      "What was tried",
      "Key figures",
      "Timeline",
      "How long operations took",
      "Throughput",
      "Outages",
      "Acknowledged, not yet seen",
      "Operations",
      "Anomalies",
      "Everything it was made from",
    ])
  })

  test("tells of every fault, of those without effect, and of kinds that were skipped", async () => {
    const { page, result } = pageFor({ seconds: 60 })
    const rows = await textsOf(page, "#raw tbody tr td:first-child")
    expect(rows).toEqual(result.faults.map(({ plan }) => plan.kind))
    const missed = result.faults.filter((fault) => !fault.effective)
    expect(missed.length).toBeGreaterThan(0)
    const drawn = (await textsOf(page, "#timeline svg .ineffective")).length
    expect(drawn).toBeGreaterThanOrEqual(missed.length)
    expect(await textsOf(page, ".skipped li")).toEqual(["power: no C compiler here"])
  })

  test("draws anomalies: what it is, the operations, the log, the time, the way to repeat it", async () => {
    const { page, result } = pageFor({})
    expect(result.anomalyCounts["lost-write"]).toBeGreaterThan(3)
    const lost = /<article class="kind" id="kind-lost-write">[\s\S]*?<\/article><\/article>/.exec(
      page,
    )
    const article = lost?.[0] ?? ""
    expect(article.includes(explanationOf("lost-write")?.what ?? "?")).toBe(true)
    expect(article.includes(`; 3 of them are drawn here`)).toBe(true)
    expect(await textsOf(article, "article.anomaly")).toHaveLength(3)
    expect(await textsOf(article, ".cell.odd")).not.toEqual([])
    expect(await textsOf(article, ".bar")).not.toEqual([])
    expect(await textsOf(article, "pre.command")).toContain(result.command)
    const first = result.anomalies.find(({ kind }) => kind === "lost-write")
    for (const id of first?.operations ?? []) expect(article.includes(`<td>#${id}</td>`)).toBe(true)
    expect(page.includes("more anom")).toBe(true)
  })

  test("shows the log lines around an anomaly, and none of other times", async () => {
    const { page, result, operations } = pageFor({})
    const times = result.anomalies.flatMap(({ operations: ids }) =>
      ids.flatMap((id) => operations[id]?.invokedMs ?? []),
    )
    const isNear = (atMs: number) => times.some((ms) => Math.abs(ms - atMs) < 6000)
    const shown = (await textsOf(page, "pre.log")).join("\n")
    for (const { atMs, text } of result.logLines) {
      if (!isNear(atMs)) expect(shown).not.toContain(text)
    }
  })

  test("links what it was made from, relatively, whatever the names are", () => {
    const { page } = pageFor({}, ["result.json", "logs/broker 0.log", "http:/evil?.txt"])
    expect(page.includes('href="./result.json"')).toBe(true)
    expect(page.includes('href="./logs/broker%200.log"')).toBe(true)
    expect(page.includes('href="./http%3A/evil%3F.txt"')).toBe(true)
  })

  test("keeps many partitions legible: a few in full, all of them folded", async () => {
    const { page } = pageFor({ partitions: 64, nodes: 5, spoiled: false })
    expect(await textsOf(page, "#timeline summary")).toEqual(["All 64 partitions"])
    expect(await textsOf(page, "#timeline .lane-name.small")).toHaveLength(64)
  })
})

test("two contents of one offset are marked, and nothing else is", async () => {
  const { page } = pageFor({})
  const kind = /<article class="kind" id="kind-inconsistent-offsets">[\s\S]*?<\/article>/.exec(page)
  const odd = await textsOf(kind?.[0] ?? "", ".cell.odd text")
  expect(new Set(odd).size).toBe(2)
  const plain = await textsOf(kind?.[0] ?? "", ".cell:not(.odd) text")
  expect(plain.length).toBeGreaterThan(odd.length)
})

test("what is put into a template is text, in elements and in attributes", () => {
  const evil = `"'<&>`
  expect(markup`<a title="${evil}">${evil}</a>`.text).toBe(
    '<a title="&quot;&#39;&lt;&amp;&gt;">&quot;&#39;&lt;&amp;&gt;</a>',
  )
  expect(markup`<b>${[markup`<i>${1}</i>`, undefined, "<"]}</b>`.text).toBe("<b><i>1</i>&lt;</b>")
  expect(
    markup`
    <p>one
    ${" "}two</p>`.text,
  ).toBe("<p>one two</p>")
})

test("data for the program cannot end its element", () => {
  const { text } = jsonForScript({ name: "</script><b>" })
  expect(text).not.toContain("<")
  expect(JSON.parse(text)).toEqual({ name: "</script><b>" })
})

describe("self-contained", () => {
  test("nothing is loaded from anywhere", () => {
    const { page } = pageFor({})
    expect(/\bsrc\s*=\s*["']?(?!["']?data:)/i.test(page)).toBe(false)
    expect(/@import|<link\b|url\(\s*["']?(?!#)/i.test(page)).toBe(false)
    expect(/https?:\/\//.test(markupOf(page))).toBe(false)
    expect(/https?:\/\//.test(assets.css)).toBe(false)
    expect(policyOf(page)).toStartWith("default-src 'none'; ")
  })

  test("only its own program may run", () => {
    const { page } = pageFor({})
    const scripts = Array.from(
      page.matchAll(/<script>([\s\S]*?)<\/script>/g),
      ([, text = ""]) => text,
    )
    expect(scripts).toHaveLength(1)
    const hash = new Bun.CryptoHasher("sha256").update(scripts[0] ?? "").digest("base64")
    expect(policyOf(page)).toEndWith(`script-src 'sha256-${hash}'`)
    expect(/\son[a-z]+="/.test(markupOf(page))).toBe(false)
  })

  test("carries the licence of what it copies", () => {
    expect(assets.script).toStartWith("/*! uPlot\n")
    expect(assets.script.includes("The above copyright notice and this permission notice")).toBe(
      true,
    )
  })

  test("follows light and dark, small screens and paper", () => {
    expect(assets.css.includes("prefers-color-scheme: dark")).toBe(true)
    expect(assets.css.includes("@media (max-width")).toBe(true)
    expect(assets.css.includes("@media print")).toBe(true)
    expect(pageFor({}).page).toContain('content="width=device-width, initial-scale=1"')
  })

  test("its data is what its program reads", () => {
    const { page } = pageFor({})
    const [, text = ""] = /id="plot-data">([\s\S]*?)<\/script>/.exec(page) ?? []
    const data: unknown = JSON.parse(text)
    expect(data).toMatchObject({ endMs: 48_000, throughput: { bucketMs: 500 } })
  })
})

test("what keeps the plots from being made is said in a report that is complete otherwise", async () => {
  const failed = await loadAssets(() => Promise.reject(new Error("uplot <is> not there")))
  const fixture = makeFixture({ seconds: 12, rate: 20 })
  const page = pageOf({ ...fixture, assets: failed, files: [] })
  expect(misnested(page)).toEqual([])
  expect(await textsOf(page, "p.warn")).toHaveLength(1)
  expect(page.includes("could not be made: uplot &lt;is&gt; not there")).toBe(true)
  expect(await textsOf(page, "h2")).toHaveLength(11)
})

describe("hostile text", () => {
  const hostile = `</script></style><img src=x onerror="alert(1)">'"&<b>\u0000\u001B[2J`

  test("stays text", async () => {
    const { page } = pageFor({ hostile })
    expect(misnested(page)).toEqual([])
    expect(page.includes("<img")).toBe(false)
    expect(page.includes("\u0000")).toBe(false)
    expect(page.match(/<\/script>/g)).toHaveLength(2)
    expect(page.match(/<\/style>/g)).toHaveLength(1)
    expect((await textsOf(page, "img, b b")).length).toBe(0)
  })

  test("is still there to be read", async () => {
    const { page } = pageFor({ hostile })
    expect(page.includes("&lt;/script&gt;&lt;/style&gt;&lt;img src=x onerror=")).toBe(true)
  })
})

test("many operations make a page of bounded size, which says what it leaves out", () => {
  const { result, operations } = makeFixture({ seconds: 20, rate: 100, spoiled: false })
  const appends = operations.filter(({ f }) => f === "append")
  const many = Array.from({ length: 120_000 }, (_, i) => {
    const one = appends[i % appends.length]
    if (one === undefined) throw new Error("no appends")
    const outcome = i % 3 === 0 ? "info" : "ok"
    const returnedMs = one.returnedMs + (i % 89)
    return { ...one, id: i, returnedMs, outcome } as const
  })
  const page = pageOf({ result, operations: many, assets, files: [] })
  // A point takes less than ten characters, and there are never more than 260,000 of them.
  expect(page.length).toBeLessThan(1_300_000)
  const said =
    /All 40,000 refused or unknown operations, the slowest [\d,]+ of the others, and an even/
  expect(said.test(page)).toBe(true)
})

test("every anomaly and every fault has words of its own", () => {
  for (const kind of anomalyKinds) expect(titleOf(kind)).not.toBe(kind)
  for (const kind of faultKinds) expect(`${kind}: ${faultWords(kind).text}`).not.toBe(`${kind}: `)
})

test("a run's folder gets the page and the result, and the page links what lies there", async () => {
  const dir = mkdtempSync(join(tmpdir(), "varve-report-"))
  try {
    mkdirSync(join(dir, "logs"))
    writeFileSync(join(dir, "history.jsonl"), "")
    writeFileSync(join(dir, "logs", "broker-0.log"), "")
    const fixture = makeFixture({ seconds: 12, rate: 20 })
    const path = await writeReport({ dir, ...fixture })
    expect(path).toBe(join(dir, "report.html"))
    const page = readFileSync(path, "utf8")
    for (const file of ["history.jsonl", "result.json", "logs/broker-0.log"])
      expect(page.includes(`href="./${file}"`)).toBe(true)
    const result: unknown = JSON.parse(readFileSync(join(dir, "result.json"), "utf8"))
    expect(result).toMatchObject({ verdict: "INVALID", options: { seed: 7 } })
  } finally {
    rmSync(dir, { recursive: true })
  }
})
