import { scriptFlags } from "./harness/script-flags.ts"
import { Cluster } from "./harness/cluster.ts"
import { problemRuns } from "./harness/problem-runs.ts"
import { killLeader, WriterFleet, writers, type Kill } from "./harness/failover.ts"

/**
 * SIGKILLs a leader again and again under writers of different make, all with acks=all, and then
 * looks for every record that was acknowledged:
 *
 *     bun scripts/kill-leader.ts --kills 20
 *
 * Prints how long writes stood still. Exit 1 when anything acknowledged is missing, doubled (where
 * the producer is idempotent), out of order, or elsewhere than the client was told.
 * VARVE_TEST_CLUSTER=kafka aims it at Apache Kafka.
 */
const args = scriptFlags({
  kills: { type: "string", default: "20" },
  partitions: { type: "string", default: "3" },
  rate: { type: "string", default: "200" },
  "min-insync": { type: "string", default: "2" },
  /** Keeps the data there, for an autopsy. */
  dir: { type: "string" },
  json: { type: "boolean", default: false },
})

const say = (line: string) => {
  if (!args.json) console.log(line)
}

const ms = (value: number) => `${Math.round(value)} ms`

function distribution(values: ReadonlyArray<number>) {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]
  return { min: sorted[0], p50: at(0.5), p90: at(0.9), max: sorted.at(-1) }
}

function table(kills: ReadonlyArray<Kill>): Record<string, ReturnType<typeof distribution>> {
  const names = writers.map((writer) => writer.name)
  const rows = names.map((name) => [name, distribution(kills.map((k) => k.gapMs[name] ?? 0))])
  const first = distribution(kills.map((k) => k.clusterGapMs))
  return Object.fromEntries([["first writer back", first], ...rows])
}

async function main(): Promise<number> {
  const topic = "kill-leader"
  const partitions = Number(args.partitions)
  const cluster = await Cluster.start(args.dir === undefined ? {} : { dir: args.dir })
  try {
    const configs = { "min.insync.replicas": args["min-insync"] }
    const fleet = await WriterFleet.start(cluster, {
      topic,
      partitions,
      rate: Number(args.rate),
      configs,
    })
    say(`${cluster.target.name} on ${cluster.bootstrap}; ${writers.map((w) => w.name).join(", ")}`)
    const kills: Array<Kill> = []
    for (let i = 0; i < Number(args.kills); i++) {
      const kill = await killLeader(cluster, fleet, topic, i % partitions)
      kills.push(kill)
      const gaps = Object.entries(kill.gapMs).map(([name, gap]) => `${name} ${ms(gap)}`)
      const who = `kill ${i + 1}: broker ${kill.broker} (led ${kill.led.join(", ")})`
      say(
        `${who}: ${ms(kill.clusterGapMs)}; ${gaps.join(", ")}; in sync after ${ms(kill.restartMs)}`,
      )
    }
    const verdict = await fleet.finish()
    const gaps = table(kills)
    if (args.json)
      console.log(JSON.stringify({ target: cluster.target.name, gaps, kills, verdict }))
    for (const [name, d] of Object.entries(gaps)) {
      const words = Object.entries(d).map(([quantile, value]) => `${quantile} ${ms(value ?? 0)}`)
      say(`write gap, ${name}: ${words.join("  ")}`)
    }
    for (const writer of verdict.perWriter) {
      const error = writer.firstError === undefined ? "" : ` (first: ${writer.firstError})`
      say(`${writer.name}: ${writer.acknowledged} acknowledged, ${writer.failed} failed${error}`)
    }
    const events = kills.flatMap(({ broker, killedAtMs, restartedAtMs }, i) => [
      { atMs: killedAtMs, what: `kill ${i + 1} (broker ${broker})` },
      { atMs: restartedAtMs, what: `restart ${i + 1} (broker ${broker})` },
    ])
    for (const run of problemRuns(verdict.problems, events)) say(run)
    const others = verdict.problems.filter((problem) => problem.ack === undefined)
    for (const problem of others.slice(0, 20)) say(`${problem._tag}: ${problem.detail}`)
    const { acknowledged, read, problems } = verdict
    say(`${acknowledged} acknowledged, ${read} read, ${problems.length} wrong`)
    return verdict.problems.length === 0 ? 0 : 1
  } finally {
    await cluster.dispose()
  }
}

process.exit(await main())
