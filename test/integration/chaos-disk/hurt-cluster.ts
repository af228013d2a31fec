/** A small cluster under chaos with a writer on it, and single faults of disks and clocks. */
import { readFileSync } from "node:fs"
import { foundIn } from "../../../scripts/harness/driver.ts"
import { createTopic } from "../../../scripts/harness/layout.ts"
import { readAll } from "../../../scripts/harness/records.ts"
import { until } from "../../../scripts/harness/until.ts"
import { stream } from "../../../raft/prng.ts"
import { startRunClock } from "../../../src/chaos/clock.ts"
import type { ChaosCluster } from "../../../src/chaos/cluster.ts"
import { startVarveCluster } from "../../../src/chaos/cluster/varve-cluster.ts"
import { equipDisks } from "../../../src/chaos/disk/disks.ts"
import { diskFaults } from "../../../src/chaos/disk/faults.ts"
import { untilWhole } from "../../../src/chaos/disk/health.ts"
import type { Effect, FaultContext, FaultKind } from "../../../src/chaos/fault.ts"
import { PowerLedger, type LedgerProblem } from "../power-cuts/power-ledger.ts"
import { RawWriter } from "../power-cuts/raw-writer.ts"

const topic = "hurt"
const partitions = 3

export interface Hurt extends Effect {
  readonly target: string
  /** From the heal to the next acknowledgement. */
  readonly waitMs: number
}

export class HurtCluster {
  readonly cluster: ChaosCluster
  readonly lines: Array<string> = []
  private readonly writer: RawWriter
  private readonly ledger = new PowerLedger(partitions)
  private readonly bootstrapList: Array<string>

  private constructor(cluster: ChaosCluster) {
    this.cluster = cluster
    this.bootstrapList = [...cluster.bootstrap]
    const { bootstrapList } = this
    this.writer = new RawWriter({ bootstrapList, topic, partitions, rate: 200, name: "raw" })
  }

  static async start(dir: string, power: boolean, plant?: string): Promise<HurtCluster> {
    const disks = equipDisks({ dir, power, clock: true, log: (line) => console.log(line) })
    const settings = { "varve.disk.reserve.bytes": "1048576" }
    const cluster = await startVarveCluster({
      dir,
      nodes: 3,
      seed: 1,
      settings,
      disks,
      capabilities: disks.capabilities,
      ...(plant === undefined ? {} : { plant }),
      start: (id, folder) => disks.startOptions({ id, dir: folder }),
    })
    const configs = { "min.insync.replicas": "2" }
    await createTopic(cluster.bootstrap, { topic, partitions, configs })
    return new HurtCluster(cluster)
  }

  /** Strikes, lasts, is healed; resolves when the cluster is whole and writes again. */
  async hurt(kind: FaultKind, seed: number, lastsMs: number): Promise<Hurt> {
    const { effect, target, clock } = await this.strike(kind, seed, lastsMs)
    const healedMs = clock.nowMs()
    const missing = await untilWhole(this.cluster, 30_000)
    if (missing !== undefined) throw new Error(`after ${kind}: ${missing}`)
    await this.heard()
    return { ...effect, target, waitMs: Math.round(clock.nowMs() - healedMs) }
  }

  /** Strikes, lasts and is healed; whatever comes of it. */
  async strike(kind: FaultKind, seed: number, lastsMs: number) {
    await this.heard()
    const fault = diskFaults.find((one) => one.kind === kind)
    if (fault === undefined) throw new Error(`no fault ${kind}`)
    const clock = startRunClock()
    const context: FaultContext = {
      cluster: this.cluster,
      clock,
      chance: stream(seed, "fault"),
      topics: [topic],
      clients: [],
      troubled: new Set(),
      signal: new AbortController().signal,
      log: (line) => void this.lines.push(line),
    }
    const injected = await fault.inject(context, lastsMs)
    await clock.sleep(Math.max(0, lastsMs - clock.nowMs()))
    const effect = await injected.verify().finally(() => injected.heal())
    return { effect, target: injected.target, clock }
  }

  /** What of all that was acknowledged is not there, or not as it should be. */
  async problems(): Promise<ReadonlyArray<LedgerProblem>> {
    this.ledger.acknowledge(this.writer.acks)
    const { bootstrapList } = this
    return this.ledger.readAll(foundIn(await readAll({ bootstrapList }, topic)))
  }

  /** What brokers said of logs that they do not believe. */
  distrust(): ReadonlyArray<string> {
    return this.cluster.nodes.flatMap(({ logFile }) =>
      readFileSync(logFile, "utf8")
        .split("\n")
        .filter((line) => /counts for nothing|has brought it up to date/.test(line)),
    )
  }

  get acknowledged(): number {
    return this.writer.acks.length
  }

  async dispose(): Promise<void> {
    this.writer.kill()
    await this.cluster.dispose()
  }

  /** Some acknowledgements from now on. */
  private async heard(): Promise<void> {
    const before = this.writer.acks.length
    await until("acknowledgements", () => this.writer.acks.length > before + 5, {
      timeoutMs: 30_000,
    })
  }
}
