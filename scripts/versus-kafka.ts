import { scriptFlags } from "./harness/script-flags.ts"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { measureDisk } from "./bench/disk-floor.ts"
import { residentMB } from "./bench/footprint.ts"
import { Cluster } from "./harness/cluster.ts"
import { createTopic } from "./harness/layout.ts"
import { flags, runOrThrow } from "./harness/run.ts"
import { root, targetNamed, type Target } from "./harness/target.ts"

/**
 * varve beside Apache Kafka: the same load generator (franz-go, acks=all, idempotent), one after
 * the other on one machine in one run, and the ratios.
 *
 *     bun scripts/versus-kafka.ts --seconds 10 --warm-up 60
 *
 * Needs Go, Java 17 and Maven, and ../shared beside the repository. Kafka runs as it ships, which
 * acknowledges from the page cache; --fsync adds the runs in which it flushes every record. Its JIT
 * is cold without a warm-up of about a minute.
 */
const args = scriptFlags({
  seconds: { type: "string", default: "10" },
  "warm-up": { type: "string", default: "30" },
  partitions: { type: "string", default: "12,1000" },
  size: { type: "string", default: "1024" },
  fsync: { type: "boolean", default: false },
  /** Only these, in this order. */
  targets: { type: "string", default: "varve,kafka" },
  json: { type: "boolean", default: false },
})

const say = (line: string) => {
  if (!args.json) console.log(line)
}

interface Produced {
  readonly mb_s: number
  readonly records_s: number
  readonly acked: number
  readonly failed: number
  readonly p50_ms: number
  readonly p99_ms: number
}

interface EndToEnd {
  readonly p50_ms: number
  readonly p99_ms: number
  readonly ack_p50_ms: number
  readonly ack_p99_ms: number
}

interface Row {
  readonly target: string
  readonly partitions: number
  readonly produce: Produced
  readonly consume: { readonly mb_s: number; readonly records_s: number }
  readonly endToEnd: EndToEnd
  readonly residentMB: ReadonlyArray<number>
}

/** Builds ../shared/load outside the repository; gives the binary. */
async function buildLoad(into: string): Promise<string> {
  const source = join(root, "..", "shared", "load")
  if (!existsSync(source)) throw new Error(`no load generator at ${source}`)
  const binary = join(into, "load")
  await runOrThrow(["go", "build", "-C", source, "-o", binary, "."], { timeoutMs: 300_000 })
  return binary
}

async function load<A>(binary: string, mode: string, options: Parameters<typeof flags>[0]) {
  const words = flags(options).map((word) => word.replace(/^--/, "-"))
  const { stdout } = await runOrThrow([binary, mode, ...words], { timeoutMs: 900_000 })
  const result: A = JSON.parse(stdout)
  return result
}

async function measure(
  binary: string,
  cluster: Cluster,
  label: string,
  partitions: number,
  configs: Readonly<Record<string, string>>,
): Promise<Row> {
  const topic = (name: string) => `${name}-${label.replaceAll(/\W/g, "-")}-${partitions}`
  const b = cluster.bootstrap
  const secs = Number(args.seconds)
  const size = Number(args.size)
  const bulk = topic("bulk")
  await createTopic(cluster.bootstrapList, { topic: bulk, partitions, configs })
  const produce = await load<Produced>(binary, "produce", { b, t: bulk, size, secs })
  const consume = await load<Row["consume"]>(binary, "consume", { b, t: bulk, n: produce.acked })
  const paced = topic("paced")
  await createTopic(cluster.bootstrapList, { topic: paced, partitions, configs })
  const endToEnd = await load<EndToEnd>(binary, "e2e", { b, t: paced, size, secs, rate: 1_000 })
  const pids = cluster.brokers.map((broker) => cluster.pidOf(broker.id))
  return { target: label, partitions, produce, consume, endToEnd, residentMB: pids.map(residentMB) }
}

async function runTarget(binary: string, target: Target): Promise<Array<Row>> {
  const cluster = await Cluster.start({ target })
  const rows: Array<Row> = []
  try {
    const warmUp = Number(args["warm-up"])
    if (warmUp > 0) {
      await createTopic(cluster.bootstrapList, { topic: "warm-up", partitions: 12 })
      const options = { b: cluster.bootstrap, t: "warm-up", size: Number(args.size), secs: warmUp }
      await load<Produced>(binary, "produce", options)
    }
    for (const partitions of args.partitions.split(",").map(Number)) {
      rows.push(await measure(binary, cluster, target.name, partitions, {}))
      if (args.fsync && target.name === "kafka") {
        const configs = { "flush.messages": "1" }
        rows.push(await measure(binary, cluster, "kafka with fsync", partitions, configs))
      }
    }
  } finally {
    await cluster.dispose()
  }
  return rows
}

const fixed = (value: number) => value.toFixed(value < 10 ? 2 : 0)

function sayRow({ target, partitions, produce, consume, endToEnd, residentMB: memory }: Row) {
  say(`${target}, ${partitions} partitions`)
  const failed = produce.failed > 0 ? `, ${produce.failed} failed` : ""
  say(
    `  produce          ${fixed(produce.mb_s)} MB/s, ${fixed(produce.records_s)} records/s${failed}`,
  )
  say(`  consume          ${fixed(consume.mb_s)} MB/s`)
  const { p50_ms, p99_ms, ack_p50_ms, ack_p99_ms } = endToEnd
  say(`  produce → ack    p50 ${fixed(ack_p50_ms)} p99 ${fixed(ack_p99_ms)} ms at 1,000 records/s`)
  say(`  produce → fetch  p50 ${fixed(p50_ms)} p99 ${fixed(p99_ms)} ms at 1,000 records/s`)
  say(`  resident         ${memory.join(", ")} MB`)
}

const sum = (list: ReadonlyArray<number>) => list.reduce((a, b) => a + b, 0)

function sayRatios(rows: ReadonlyArray<Row>): void {
  for (const kafka of rows.filter((row) => row.target !== "varve")) {
    const varve = rows.find((r) => r.target === "varve" && r.partitions === kafka.partitions)
    if (varve === undefined) continue
    const ratio = (pick: (row: Row) => number) => `${fixed(pick(varve) / pick(kafka))} ×`
    say(`varve / ${kafka.target}, ${kafka.partitions} partitions:`)
    say(`  produce MB/s        ${ratio((row) => row.produce.mb_s)}`)
    say(`  consume MB/s        ${ratio((row) => row.consume.mb_s)}`)
    say(`  produce → fetch p99 ${ratio((row) => row.endToEnd.p99_ms)}`)
    say(`  resident            ${ratio((row) => sum(row.residentMB))}`)
  }
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "versus-kafka-"))
  try {
    const binary = await buildLoad(folder)
    const disk = measureDisk(folder)
    say(`disk ${disk.sequentialMBps} MB/s sequential`)
    const rows: Array<Row> = []
    for (const name of args.targets.split(",")) {
      const measured = await runTarget(binary, targetNamed(name))
      for (const row of measured) sayRow(row)
      rows.push(...measured)
    }
    sayRatios(rows)
    if (args.json) console.log(JSON.stringify({ disk, rows }))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

await main()
