/** Writers on a cluster whose power is cut again and again, and what is found after each cut. */
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { Prng } from "../../../raft/prng.ts"
import { foundIn, Load, type Ack } from "../../../scripts/harness/driver.ts"
import { confluent, kafkajs } from "../../../scripts/harness/foreign.ts"
import { createTopic } from "../../../scripts/harness/layout.ts"
import { readAll } from "../../../scripts/harness/records.ts"
import { PowerCluster, untilHeard } from "./power-cluster.ts"
import type { CutReport, PowerClusterOptions } from "./power-cluster.ts"
import { PowerLedger, type LedgerProblem } from "./power-ledger.ts"
import { RawWriter } from "./raw-writer.ts"

export interface PowerRunOptions extends PowerClusterOptions {
  readonly seed: number
  readonly partitions: number
  /** Records per second of each writer. */
  readonly rate: number
  /** Everything is read again after so many cuts. */
  readonly fullEvery: number
}

export interface Seen extends CutReport {
  /** The cut came while the brokers were still starting after the one before. */
  readonly early: boolean
  /** Undefined when the next cut came before anything could be read. */
  readonly judged: Judged | undefined
}

export interface Judged {
  readonly readyMs: number
  /** All of it: writing, cut, start, reading. */
  readonly tookMs: number
  /** Of all cuts so far. */
  readonly acknowledged: number
  readonly found: number
  /** Everything was read again, not only what was new. */
  readonly full: boolean
  readonly problems: ReadonlyArray<LedgerProblem>
  /** Groups that the logs of the brokers did not believe when they were opened. */
  readonly distrusted: number
  /** What the brokers said of it. */
  readonly lines: ReadonlyArray<string>
}

interface Writer {
  readonly name: string
  readonly acks: ReadonlyArray<Ack>
  readonly errors: ReadonlyArray<string>
}

const topic = "power-cuts"
/** How long they write at most, once everybody has been heard. */
const writeMs = 400

export class PowerRun {
  readonly ledger: PowerLedger
  private readonly options: PowerRunOptions
  private readonly cluster: PowerCluster
  private readonly prng: Prng
  private readonly loads: ReadonlyArray<Load>
  private readonly raw: RawWriter
  /** How many acknowledgements of each writer the ledger has. */
  private readonly taken = new Map<string, number>()
  /** From the end of the reading after a cut to its next acknowledgement, ms, for each writer. */
  readonly waits = new Map<string, ReadonlyArray<number>>()
  private cuts = 0
  /** Ready since the last cut; else the next one comes while the brokers start. */
  private isUp = true
  /** How long the last start took. */
  private readyMs = 0

  private constructor(options: PowerRunOptions, cluster: PowerCluster) {
    const { partitions, rate, seed } = options
    this.options = options
    this.cluster = cluster
    this.prng = new Prng(seed)
    this.ledger = new PowerLedger(partitions)
    const { bootstrapList } = cluster
    const plan = { topic, partitions, rate, bootstrap: bootstrapList.join(","), idempotent: true }
    this.loads = [confluent, kafkajs]
      .filter(({ available }) => available)
      .map((client) => new Load(client, { ...plan, name: client.name }))
    this.raw = new RawWriter({ bootstrapList, topic, partitions, rate, name: "raw" })
  }

  static async start(options: PowerRunOptions): Promise<PowerRun> {
    const cluster = await PowerCluster.prepare(options)
    try {
      cluster.spawn()
      await cluster.untilReady()
      const configs = { "min.insync.replicas": "2" }
      const { partitions } = options
      await createTopic(cluster.bootstrapList, { topic, partitions, configs })
    } catch (error) {
      await cluster.dispose()
      throw error
    }
    return new PowerRun(options, cluster)
  }

  /** Writes, cuts, starts again and reads. `last`: reads everything. */
  async cut(last: boolean): Promise<Seen> {
    const startedMs = performance.now()
    const early = !this.isUp
    // Somewhere between the opening of the logs and the end of the elections.
    if (early) await Bun.sleep((this.readyMs * (40 + this.prng.below(70))) / 100)
    else await this.writeOn()
    const report = await this.cluster.cut(this.prng)
    this.cuts += 1
    this.cluster.spawn()
    this.isUp = last || this.prng.below(8) > 0
    const judged = this.isUp ? await this.judge(last, startedMs) : undefined
    return { ...report, early, judged }
  }

  writers(): ReadonlyArray<{
    readonly name: string
    readonly acks: number
    readonly errors: number
  }> {
    return this.all().map(({ name, acks, errors }) => ({
      name,
      acks: acks.length,
      errors: errors.length,
    }))
  }

  /** Files of the log that one broker has now, and the number of the newest. */
  files(): string {
    const names = readdirSync(join(this.options.dir, "broker-0")).filter((name) =>
      /^segment-.*\.db$/.test(name),
    )
    return `${names.length}, up to ${names.toSorted().at(-1)}`
  }

  async dispose(): Promise<void> {
    for (const load of this.loads) load.kill()
    this.raw.kill()
    await this.cluster.dispose()
  }

  /** Until every writer has been heard since the last cut, and a little longer. */
  private async writeOn(): Promise<void> {
    const startedMs = performance.now()
    const before = new Map(this.all().map(({ name, acks }) => [name, acks.length]))
    const heard = new Set<string>()
    const silent = () => this.all().filter(({ name }) => !heard.has(name))
    const listen = () => {
      for (const { name, acks } of silent()) {
        if (acks.length === before.get(name)) continue
        heard.add(name)
        this.waits.set(name, [...(this.waits.get(name) ?? []), performance.now() - startedMs])
      }
      return heard.size === before.size
    }
    try {
      await untilHeard("an acknowledgement for every writer", listen)
    } catch (error) {
      const said = silent().map(({ name, errors }) => `${name} (${errors.at(-1) ?? "no error"})`)
      throw new Error(`nothing is acknowledged to ${said.join(", ")}`, { cause: error })
    }
    await Bun.sleep(this.prng.below(writeMs))
  }

  /**
   * For a cluster that does not come back: what is left when its brokers are told to go on without
   * what is lost.
   */
  async takeStock(): Promise<ReadonlyArray<LedgerProblem>> {
    await this.cluster.kill()
    this.cluster.spawn("accepted")
    await this.cluster.untilReady(60_000)
    this.hearAll()
    // Where the topic itself is lost, there is nothing.
    const records = await readAll(this.cluster, topic).catch(() => [])
    return this.ledger.readAll(foundIn(records))
  }

  private async judge(last: boolean, startedMs: number): Promise<Judged> {
    const readyMs = (this.readyMs = await this.cluster.untilReady())
    const full = last || this.cuts % this.options.fullEvery === 0
    const problems = await this.read(full)
    const lines = this.cluster.newLines().filter((line) => /has brought it up to date/.test(line))
    return {
      readyMs,
      full,
      problems,
      acknowledged: this.ledger.acknowledged,
      found: this.ledger.found,
      distrusted: lines.reduce((sum, line) => sum + groupsIn(line), 0),
      lines,
      tookMs: performance.now() - startedMs,
    }
  }

  private async read(full: boolean): Promise<ReadonlyArray<LedgerProblem>> {
    const { ledger } = this
    this.hearAll()
    if (full) return ledger.readAll(foundIn(await readAll(this.cluster, topic)))
    return ledger.readTail(foundIn(await readAll(this.cluster, topic, ledger.ends)))
  }

  private hearAll(): void {
    for (const { acks, name } of this.all()) {
      this.ledger.acknowledge(acks.slice(this.taken.get(name) ?? 0))
      this.taken.set(name, acks.length)
    }
  }

  private all(): ReadonlyArray<Writer> {
    const loads = this.loads.map(({ acks, errors, options: { name } }) => ({ name, acks, errors }))
    return [...loads, { name: "raw", acks: this.raw.acks, errors: this.raw.errors }]
  }
}

/** "groups 1, 2, 3 and 4 more: …" */
function groupsIn(line: string): number {
  const [, listed = "", more = "0"] = /groups? ([\d, ]+)(?: and (\d+) more)?:/.exec(line) ?? []
  return listed.split(",").length + Number(more)
}
