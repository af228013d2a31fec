#!/usr/bin/env bun
/**
 * How long the checkers take over a history of a million operations, and how much memory: read from
 * its file, as a chaos run does (VERIFICATION §6: at most 20 s and 1 GB).
 *
 *   bun scripts/bench-checkers.ts [operations]
 */
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { checkHistory } from "../src/chaos/checkers/index.ts"
import { partitionKey } from "../src/chaos/history/history.ts"
import type { Call, SeenRecord, Told } from "../src/chaos/history/history.ts"
import { invokeText, returnText } from "../src/chaos/history/lines.ts"
import { readHistory } from "../src/chaos/history/read-history.ts"

const mebibyte = 1024 * 1024
const partitions = 16
const replicas = [0, 1, 2]
/** Of every ten operations: five appends, four polls of two records, one other. */
const cycle = 10

class HistoryFile {
  readonly #file: number
  #lines: Array<string> = []
  #atMs = 0
  #operation = 0

  constructor(path: string) {
    this.#file = openSync(path, "w")
  }

  get operations(): number {
    return this.#operation
  }

  add(process: string, call: Call, result: Partial<Call>): void {
    const op = this.#operation++
    const told: Told = { outcome: "ok", node: op % 3, connection: 1, attempts: 1, error: "" }
    this.#atMs += 0.01
    this.#lines.push(`{${invokeText(op, process, this.#atMs, call)}\n`)
    this.#atMs += 0.01
    this.#lines.push(`{${returnText(op, process, this.#atMs, told, result)}\n`)
    if (this.#lines.length > 10_000) this.flush()
  }

  flush(): void {
    writeSync(this.#file, this.#lines.join(""))
    this.#lines = []
  }

  close(): void {
    this.flush()
    closeSync(this.#file)
  }
}

/** A valid history: idempotent producers, two readers of everything, a group, dumps at the end. */
function writeHistory(path: string, operations: number): void {
  const file = new HistoryFile(path)
  const logs = Array.from({ length: partitions }, (): Array<SeenRecord> => [])
  const committed = logs.map(() => -1)
  for (let n = 0; file.operations < operations - partitions * replicas.length; n++) {
    const number = n % partitions
    const partition = partitionKey("bench", "0123abcd", number)
    const log = logs[number] ?? []
    const round = log.length / (cycle / 2)
    const begin = log.length
    for (let i = 0; i < cycle / 2; i++) append(file, partition, number, log)
    for (const reader of ["raw-consumer-0.0", "g.m0"]) {
      for (const from of [begin, begin + 2]) {
        const highWatermark = log.length
        const call = { f: "poll", partition, from, highWatermark: -1, logStartOffset: -1 } as const
        const records = log.slice(from, from === begin ? from + 2 : highWatermark)
        file.add(reader, { ...call, records: [] }, { records, highWatermark, logStartOffset: 0 })
      }
    }
    const group = { group: "g", partition } as const
    if (round % 2 === 0) {
      const commit = { f: "commit", offset: log.length, tag: `c${n}`, member: "m0", generation: 1 }
      file.add("g.m0", { ...commit, ...group, f: "commit" }, {})
      committed[number] = n
    } else {
      const read = { f: "committed", ...group, offset: -1, tag: "" } as const
      file.add("g.m0", read, { offset: begin, tag: `c${committed[number] ?? -1}` })
    }
  }
  drain(file, logs)
  file.close()
}

function append(
  file: HistoryFile,
  partition: string,
  number: number,
  log: Array<SeenRecord>,
): void {
  const offset = log.length
  const value = `r7.raw-producer-${number}.${offset}`
  const producer = { id: 4000 + number, epoch: 0, baseSequence: offset }
  const call = { f: "append", partition, values: [value], acks: -1, producer } as const
  log.push([offset, value, 1 + Math.floor(offset / 10_000)])
  file.add(
    `raw-producer-${number}.0`,
    { ...call, timestampMs: 1_790_000_000_000 + offset, offset: -1 },
    { offset },
  )
}

function drain(file: HistoryFile, logs: ReadonlyArray<ReadonlyArray<SeenRecord>>): void {
  logs.forEach((records, number) => {
    for (const node of replicas) {
      const partition = partitionKey("bench", "0123abcd", number)
      const told = { records, highWatermark: records.length, logStartOffset: 0 }
      const call = { f: "drain", partition, records: [], highWatermark: -1, logStartOffset: -1 }
      file.add(`harness-drain-${node}`, { ...call, f: "drain" }, told)
    }
  })
}

const seconds = (ms: number): string => (ms / 1000).toFixed(1)

/** In a process of its own: what it prints is its own peak. */
async function check(path: string): Promise<void> {
  const begun = performance.now()
  const { operations } = await readHistory(path)
  const read = performance.now()
  const { anomalies, drained } = checkHistory(operations)
  const done = performance.now()
  for (const { kind, detail } of anomalies.slice(0, 3)) process.stdout.write(`${kind}: ${detail}\n`)
  const { user, system } = process.cpuUsage()
  const peakMebibytes = process.resourceUsage().maxRSS / (process.platform === "linux" ? 1 : 1024)
  process.stdout.write(
    `${operations.length} operations, ${drained} partitions: ${seconds(done - begun)} s ` +
      `(read ${seconds(read - begun)}, check ${seconds(done - read)}), ` +
      `processor ${seconds((user + system) / 1000)} s, peak ${Math.round(peakMebibytes / 1024)} MiB, ${anomalies.length} anomalies\n`,
  )
}

const [first = "1000000", path] = process.argv.slice(2)
if (first === "--check") await check(path ?? "")
else {
  const folder = mkdtempSync(join(tmpdir(), "varve-bench-checkers-"))
  const file = join(folder, "history.jsonl")
  try {
    writeHistory(file, Number(first))
    process.stdout.write(`history: ${Math.round(statSync(file).size / mebibyte)} MiB\n`)
    await Bun.spawn([process.execPath, import.meta.path, "--check", file], {
      // As a run's own check has it: the collector is to be thrifty.
      env: { ...process.env, BUN_JSC_forceRAMSize: "1500000000" },
      stdout: "inherit",
      stderr: "inherit",
    }).exited
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
