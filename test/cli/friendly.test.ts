import { describe, expect, test } from "bun:test"
import { ConnectionLost, KafkaError, UnsupportedApi } from "../../src/client/client-error.ts"
import { explain } from "../../src/cli/explain.ts"
import { resetOptions, startingPoint } from "../../src/cli/reset-target.ts"
import { formatBytes, formatTable } from "../../src/cli/table.ts"
import { ProgressBar, formatBar, isColoured, watching } from "../../src/cli/terminal.ts"
import { ErrorCode } from "../../src/protocol/error-codes.ts"

test("columns are aligned whatever the colours, and by what a terminal shows", () => {
  const rows = [
    ["漢字", { text: 7, tone: "bad" as const }, "x"],
    ["a", 12, ""],
  ]
  expect(formatTable(["NAME", "N", "Z"], rows)).toBe("NAME  N   Z\n漢字  7   x\na     12\n")
  // oxlint-disable-next-line no-control-regex
  const bare = formatTable(["NAME", "N", "Z"], rows, true).replaceAll(/\u001B\[\d+m/g, "")
  expect(bare).toBe(formatTable(["NAME", "N", "Z"], rows))
  expect(formatTable(["NAME"], [[{ text: "x", tone: "good" }]], true)).toContain(
    "\u001B[32mx\u001B[0m",
  )
})

test("sizes as people say them", () => {
  expect([0, 1023, 1536, 5 * 1024 ** 3].map(formatBytes)).toEqual([
    "0 B",
    "1023 B",
    "1.5 KiB",
    "5.0 GiB",
  ])
})

test("colour on a terminal alone, and as the environment says", () => {
  const terminal = { isTTY: true }
  expect(isColoured(terminal, {})).toBe(true)
  expect(isColoured({}, {})).toBe(false)
  expect(isColoured(terminal, { NO_COLOR: "1" })).toBe(false)
  expect(isColoured(terminal, { TERM: "dumb" })).toBe(false)
  expect(isColoured({}, { FORCE_COLOR: "1" })).toBe(true)
})

const drawn = async (isTTY: boolean) => {
  const written: Array<string> = []
  const output = {
    isTTY,
    write: (text: string) => {
      written.push(text)
      return written.length < 3
    },
  }
  let count = 0
  await watching(1, async () => `${++count}\n`, output)
  return written
}

describe("watching", () => {
  test("ends when nobody reads, and draws over itself only on a terminal", async () => {
    expect(await drawn(false)).toEqual(["1\n", "2\n", "3\n"])
    expect((await drawn(true)).every((text) => text.startsWith("\u001B[H"))).toBe(true)
  })
})

test("a progress bar is for terminals", () => {
  expect(formatBar("bytes", 50, 100)).toBe(
    `bytes ${"█".repeat(15)}${"░".repeat(15)}  50 %  50 of 100`,
  )
  expect(formatBar("x", 0, 0)).toContain("100 %")
  const written: Array<string> = []
  const piped = new ProgressBar("x", 10, { write: (text) => written.push(text) })
  piped.update(5)
  piped.end()
  expect(written).toEqual([])
  const bar = new ProgressBar("x", 10, { isTTY: true, write: (text) => written.push(text) })
  bar.update(1, 1000)
  bar.update(2, 1001)
  expect(written).toHaveLength(1)
})

test("failures are one line that says what to do", () => {
  const lines = [
    explain(new KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "orders"), "h:1"),
    explain(new KafkaError(ErrorCode.NON_EMPTY_GROUP, "NON_EMPTY_GROUP"), "h:1"),
    explain(new ConnectionLost("the connection to h:1 could not be made"), "h:1"),
    explain(new UnsupportedApi("h:1 does not offer ListGroups"), "h:1"),
    explain(new KafkaError(ErrorCode.INVALID_CONFIG, "two\nlines."), "h:1"),
    explain(new Error("plain"), "h:1"),
  ]
  expect(lines.every((line) => !line.includes("\n"))).toBe(true)
  expect(lines).toEqual([
    "UNKNOWN_TOPIC_OR_PARTITION: orders; `varve topics list` shows which there are",
    "NON_EMPTY_GROUP; stop its consumers first; `varve groups describe` shows who they are",
    "no answer from h:1: the connection to h:1 could not be made; start a cluster with `varve cluster`, or name another with --bootstrap",
    "h:1 does not offer ListGroups; that broker is too old for it, or does not have it",
    "INVALID_CONFIG: two lines; `varve configs list … --all` shows every setting with its value",
    "plain",
  ])
})

describe("where to begin", () => {
  test("in words, for a group", () => {
    expect(resetOptions("earliest")).toEqual([["to-earliest", []]])
    expect(resetOptions("42")).toEqual([["to-offset", ["42"]]])
    expect(resetOptions("-3")).toEqual([["shift-by", ["-3"]]])
    expect(resetOptions("90m")).toEqual([["by-duration", ["PT90M"]]])
    expect(resetOptions("7d")).toEqual([["by-duration", ["P7D"]]])
    expect(resetOptions("2026-11-21T08:00:00Z")).toEqual([
      ["to-datetime", ["2026-11-21T08:00:00.000Z"]],
    ])
    for (const wrong of ["", "soon", "1w", "2026-13-01", "2026-11-21T25:00"]) {
      expect([wrong, resetOptions(wrong)]).toEqual([wrong, undefined])
    }
  })
  test("in words, for a reader", () => {
    expect(startingPoint("end", 0)).toEqual({ _tag: "end" })
    expect(startingPoint("7", 0)).toEqual({ _tag: "offset", offset: 7 })
    expect(startingPoint("2h", 7_200_001)).toEqual({ _tag: "time", ms: 1 })
    expect(startingPoint("2026-11-21T00:00:00Z", 0)).toEqual({
      _tag: "time",
      ms: Date.UTC(2026, 10, 21),
    })
    expect(startingPoint("nonsense", 0)).toBeUndefined()
  })
})
