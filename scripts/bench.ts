import { scriptFlags } from "./harness/script-flags.ts"
import { statfsSync } from "node:fs"
import { cpus, totalmem } from "node:os"
import { consumeLoad, type ConsumeResult } from "./bench/consume-load.ts"
import { measureDisk, type DiskFloor } from "./bench/disk-floor.ts"
import { dropTopic, makeTopic, type BenchTopic } from "./bench/bench-topic.ts"
import { measureFailover } from "./bench/failover-probe.ts"
import { cpuSeconds, residentMB, writtenBytes } from "./bench/footprint.ts"
import { latencyLoad, type LatencyResult } from "./bench/latency-load.ts"
import type { Quantiles } from "./bench/quantiles.ts"
import { produceLoad, type ProduceOptions, type ProduceResult } from "./bench/produce-load.ts"
import { Cluster } from "./harness/cluster.ts"
import { untilInSync } from "./harness/layout.ts"
import { root, target } from "./harness/target.ts"

/**
 * Measures a cluster over the raw protocol, and the disk under it in the same run:
 *
 *     npm run bench                                     three brokers of its own
 *     npm run bench -- --bootstrap 127.0.0.1:9092       a running cluster, of varve or Kafka
 *     npm run bench -- --nodes 1 --only produce --json
 *
 * What it does not say: the client shares the machine with the brokers, and all brokers share one
 * disk. Compare the ratios of one run on one machine, not figures of two.
 */
const args = scriptFlags({
  bootstrap: { type: "string" },
  nodes: { type: "string", default: "3" },
  seconds: { type: "string", default: "5" },
  only: { type: "string", default: "produce,latency,consume,failover" },
  /** Also 1,000 partitions. */
  wide: { type: "boolean", default: false },
  kills: { type: "string", default: "5" },
  json: { type: "boolean", default: false },
})

const seconds = Number(args.seconds)
const wanted = new Set(args.only.split(","))
const say = (line: string) => {
  if (!args.json) console.log(line)
}

interface ProduceRow extends ProduceResult {
  readonly partitions: number
  readonly options: ProduceOptions
}

/** Left empty where the brokers are not ours to watch. */
interface Own {
  readyMs?: number
  residentIdleMB?: ReadonlyArray<number>
  residentLoadedMB?: ReadonlyArray<number>
  /** Of all brokers together, over the idle seconds, % of one core. */
  idleCpuPercent?: number
  /** Over the produce runs: bytes added on all disks for one acknowledged byte of values. */
  writtenPerByte?: number
  failoverMs?: ReadonlyArray<number>
}

interface Report {
  readonly target: string
  readonly commit: string
  readonly machine: { readonly cpus: number; readonly model: string; readonly memoryGB: number }
  readonly nodes: number
  readonly disk: DiskFloor
  readonly produce: Array<ProduceRow>
  readonly latency: Array<LatencyResult & { readonly partitions: number }>
  consume?: ConsumeResult
  readonly own: Own
}

let topicCount = 0

const newTopic = (bootstrap: string, partitions: number): Promise<BenchTopic> => {
  topicCount += 1
  return makeTopic(bootstrap, `bench-${process.pid}-${topicCount}`, partitions)
}

const grids: ReadonlyArray<
  readonly [partitions: number, options: Omit<ProduceOptions, "seconds">]
> = [
  [1, { recordBytes: 1_024, batchBytes: 16_384, inFlight: 1, acks: -1 }],
  [12, { recordBytes: 100, batchBytes: 16_384, inFlight: 16, acks: -1 }],
  [12, { recordBytes: 1_024, batchBytes: 16_384, inFlight: 5, acks: -1 }],
  [12, { recordBytes: 1_024, batchBytes: 16_384, inFlight: 40, acks: -1 }],
  [12, { recordBytes: 1_024, batchBytes: 65_536, inFlight: 16, acks: -1 }],
  [12, { recordBytes: 16_384, batchBytes: 262_144, inFlight: 8, acks: -1 }],
  [12, { recordBytes: 1_024, batchBytes: 16_384, inFlight: 16, acks: 1 }],
]

const wideGrid: (typeof grids)[number] = [
  1_000,
  { recordBytes: 1_024, batchBytes: 1_024, inFlight: 128, acks: -1 },
]

const kb = (bytes: number) => (bytes < 1_000 ? `${bytes} B` : `${Math.round(bytes / 1_024)} KB`)

function sayProduce({ partitions, options, ...result }: ProduceRow, disk: DiskFloor): void {
  const acks = options.acks === -1 ? "all" : "1"
  const load = `${kb(options.recordBytes)} records in ${kb(options.batchBytes)} batches`
  const shape = `${partitions} partitions, ${options.inFlight} in flight per leader, acks=${acks}`
  const ratio = (result.MBps / disk.sequentialMBps).toFixed(2)
  const rate = `${result.MBps} MB/s (${ratio} × disk), ${result.recordsPerSecond} records/s`
  const errors = Object.keys(result.errors).length > 0 ? ` ${JSON.stringify(result.errors)}` : ""
  say(`produce  ${load}, ${shape}:`)
  say(`         ${rate}, ack p50 ${result.ack.p50} p99 ${result.ack.p99} ms${errors}`)
}

async function benchProduce(bootstrap: string, report: Report): Promise<BenchTopic | undefined> {
  let last: BenchTopic | undefined
  for (const [partitions, options] of args.wide ? [...grids, wideGrid] : grids) {
    if (last !== undefined) await dropTopic(last)
    last = await newTopic(bootstrap, partitions)
    const full = { ...options, seconds }
    const row = { partitions, options: full, ...(await produceLoad(last, full)) }
    report.produce.push(row)
    sayProduce(row, report.disk)
  }
  return last
}

const pair = (q: Quantiles) => `p50 ${q.p50} p99 ${q.p99} max ${q.max} ms`

/** Compilers are still at work in the first seconds of brokers and client: not measured. */
const warmUpSeconds = 4

async function benchLatency(bootstrap: string, report: Report): Promise<void> {
  for (const partitions of args.wide ? [12, 1_000] : [12]) {
    const options = { recordBytes: 1_024, recordsPerSecond: 1_000, seconds }
    const practice = await newTopic(bootstrap, partitions)
    await latencyLoad(practice, { ...options, seconds: warmUpSeconds })
    await dropTopic(practice)
    const topic = await newTopic(bootstrap, partitions)
    const result = await latencyLoad(topic, options)
    report.latency.push({ partitions, ...result })
    say(`latency  1,000 records/s of 1 KB over ${partitions} partitions, warm:`)
    say(`         produce → ack ${pair(result.ack)}; produce → fetch ${pair(result.fetch)}`)
    say(`         fetch behind ack ${pair(result.behindAck)}`)
    await dropTopic(topic)
  }
}

async function benchConsume(bootstrap: string, report: Report): Promise<void> {
  const topic = await newTopic(bootstrap, 12)
  await produceLoad(topic, {
    recordBytes: 1_024,
    batchBytes: 65_536,
    inFlight: 8,
    acks: -1,
    seconds,
  })
  const result = await consumeLoad(topic)
  report.consume = result
  say(`consume  from the start: ${result.MBps} MB/s, ${result.recordsPerSecond} records/s`)
  await dropTopic(topic)
}

/** Holds the cluster and what only its owner can see. */
async function benchOwn(report: Report): Promise<void> {
  const { own } = report
  const dir = `${process.env["TMPDIR"] ?? "/tmp"}/varve-bench-${process.pid}`
  const cluster = await Cluster.start({ nodes: report.nodes, dir })
  try {
    const pids = cluster.brokers.map((broker) => cluster.pidOf(broker.id))
    const resident = () => pids.map(residentMB)
    await cluster.stop()
    own.readyMs = Math.round(await cluster.up())
    pids.splice(0, pids.length, ...cluster.brokers.map((broker) => cluster.pidOf(broker.id)))
    const busy = () => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0)
    const cpuBefore = busy()
    await Bun.sleep(3_000)
    own.idleCpuPercent = Math.round(((busy() - cpuBefore) / 3) * 1_000) / 10
    own.residentIdleMB = resident()
    say(`start    ready after ${own.readyMs} ms; idle: ${own.residentIdleMB.join(", ")} MB`)
    say(`         resident, ${own.idleCpuPercent} % of a core for all brokers`)
    const written = () => pids.reduce((sum, pid) => sum + writtenBytes(pid), 0)
    const writtenBefore = written()
    await benchAll(cluster.bootstrap, report, () => {
      const bytes = report.produce.reduce((sum, row) => sum + row.bytes, 0)
      own.writtenPerByte = Math.round(((written() - writtenBefore) / bytes) * 100) / 100
      own.residentLoadedMB = resident()
      say(`disk     ${own.writtenPerByte} bytes written by all brokers for an acknowledged byte`)
      say(`memory   after the produce runs: ${own.residentLoadedMB.join(", ")} MB resident`)
    })
    if (wanted.has("failover") && report.nodes >= 3) {
      const topic = await newTopic(cluster.bootstrap, 1)
      const gaps: Array<number> = []
      for (let i = 0; i < Number(args.kills); i++) {
        await untilInSync(cluster.bootstrapList, topic.name)
        gaps.push(Math.round(await measureFailover(cluster, topic.name)))
      }
      own.failoverMs = gaps
      say(`failover writes resumed after ${gaps.join(", ")} ms`)
    }
  } finally {
    await cluster.dispose()
    Bun.spawnSync(["rm", "-rf", dir])
  }
}

async function benchAll(bootstrap: string, report: Report, produced: () => void): Promise<void> {
  if (wanted.has("produce")) {
    const last = await benchProduce(bootstrap, report)
    produced()
    if (last !== undefined) await dropTopic(last)
  }
  if (wanted.has("latency")) await benchLatency(bootstrap, report)
  if (wanted.has("consume")) await benchConsume(bootstrap, report)
}

async function main(): Promise<void> {
  const dir = process.env["TMPDIR"] ?? "/tmp"
  const { bavail, bsize } = statfsSync(dir)
  if (bavail * bsize < 20e9) say("less than 20 GB free: the runs may end early")
  const commit = Bun.spawnSync(["git", "-C", root, "rev-parse", "--short", "HEAD"])
  const report: Report = {
    target: args.bootstrap ?? target.name,
    commit: String(commit.stdout).trim(),
    machine: {
      cpus: cpus().length,
      model: cpus()[0]?.model ?? "",
      memoryGB: Math.round(totalmem() / 1e9),
    },
    nodes: Number(args.nodes),
    disk: measureDisk(dir),
    produce: [],
    latency: [],
    own: {},
  }
  const { sequentialMBps, syncedMBps, smallSync } = report.disk
  say(`varve bench ${report.commit} on ${report.machine.cpus} × ${report.machine.model}`)
  say(`disk     ${sequentialMBps} MB/s sequential, ${syncedMBps} MB/s synced each MB;`)
  say(`         4 KB and fdatasync p50 ${smallSync.p50} p99 ${smallSync.p99} ms`)
  if (args.bootstrap === undefined) await benchOwn(report)
  else await benchAll(args.bootstrap, report, () => {})
  if (args.json) console.log(JSON.stringify(report))
}

await main()
