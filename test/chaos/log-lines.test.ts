import { afterAll, beforeAll, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { joined, logLinesAround, timeOf } from "../../src/chaos/log-lines.ts"

let dir = ""
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "chaos-log-lines-"))
})
afterAll(() => rmSync(dir, { recursive: true }))

test("times of varve's lines and of Kafka's", () => {
  expect(timeOf("2026-11-21T20:20:00.125Z INFO  broker 1: up")).toBe(
    Date.UTC(2026, 10, 21, 20, 20, 0, 125),
  )
  expect(timeOf("[2026-11-21 20:20:00,125] INFO up")).toBe(
    new Date(2026, 10, 21, 20, 20, 0, 125).getTime(),
  )
  expect(timeOf("    at someone.somewhere(else)")).toBeUndefined()
})

const between = (fromMs: number, toMs: number) => ({ fromMs, toMs })

test("intervals that touch become one", () => {
  expect(joined([between(5, 9), between(1, 3), between(3, 4), between(6, 7)])).toEqual([
    between(1, 4),
    between(5, 9),
  ])
})

test("lines around the moments alone, in the order of their times, on the run's clock", async () => {
  const startedAtMs = Date.UTC(2026, 10, 21)
  const line = (ms: number, text: string) =>
    `${new Date(startedAtMs + ms).toISOString()} INFO  broker: ${text}`
  const node = (id: number, lines: ReadonlyArray<string>) => {
    const logFile = join(dir, `${id}.log`)
    writeFileSync(logFile, lines.join("\n"))
    const address = { host: "127.0.0.1", port: 1 }
    return { id, address, direct: address, dir, logFile }
  }
  const nodes = [
    node(0, [line(100, "early"), line(1_000, "in"), line(2_000, "late")]),
    node(1, [line(900, "first"), "a line without a time"]),
  ]
  const absent = { ...node(2, []), logFile: join(dir, "none.log") }
  const found = await logLinesAround([...nodes, absent], startedAtMs, [
    { fromMs: 500, toMs: 2_000 },
  ])
  expect(found.map(({ atMs, node: id }) => [atMs, id])).toEqual([
    [900, 1],
    [1_000, 0],
  ])
  expect(await logLinesAround(nodes, startedAtMs, [])).toEqual([])
})
