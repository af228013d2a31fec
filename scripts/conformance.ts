import { allRuns } from "./conformance/exchange.ts"
import { LiveCluster } from "./conformance/live-cluster.ts"
import { recordOwn } from "./conformance/record.ts"
import { offeredBy, type Ranges } from "./conformance/respondent.ts"
import { Replay, type Replayed } from "./conformance/replay.ts"
import { writeReport } from "./conformance/report.ts"
import { linesOf, sameOf, shareOf, verdictOn } from "./conformance/verdicts.ts"
import { Cluster } from "./harness/cluster.ts"
import { scriptFlags } from "./harness/script-flags.ts"
import { targetNamed, type Target } from "./harness/target.ts"

/**
 * The questions that Apache Kafka was asked, put to varve over TCP, and the answers compared:
 *
 *     bun scripts/conformance.ts --write      also writes docs/conformance.md
 *     bun scripts/conformance.ts --kafka      first puts them to Kafka, as a control
 *     bun scripts/conformance.ts --record     first asks Kafka our own questions anew
 *
 * Kafka needs Java 17, Maven and ../shared beside the repository.
 */
const args = scriptFlags({
  kafka: { type: "boolean", default: false },
  record: { type: "boolean", default: false },
  "no-varve": { type: "boolean", default: false },
  write: { type: "boolean", default: false },
})

/** What the reference cluster that was recorded had in its files. */
const settings = {
  "group.initial.rebalance.delay.ms": "0",
  "num.partitions": "1",
  "min.insync.replicas": "1",
}

async function withLive<A>(target: Target, use: (live: LiveCluster) => Promise<A>): Promise<A> {
  const cluster = await Cluster.start({ target, settings })
  const live = new LiveCluster(cluster.brokers.map(({ port }) => ({ host: "127.0.0.1", port })))
  try {
    return await use(live)
  } finally {
    live.close()
    await cluster.dispose()
  }
}

async function replayedBy(target: Target) {
  const all: Array<Replayed> = []
  let offered: Ranges = new Map()
  for (const exchanges of allRuns()) {
    await withLive(target, async (live) => {
      offered = await offeredBy(live)
      all.push(...(await Replay.of(exchanges, live)))
    })
  }
  return { offered, replayed: all }
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`

function say(name: string, replayed: ReadonlyArray<Replayed>): void {
  const share = shareOf(replayed)
  const unexplained = replayed.filter((one) => verdictOn(one)._tag === "unexplained")
  for (const line of unexplained.flatMap(linesOf)) console.log(line)
  console.log(
    `${name}: ${share.asked} questions of what it offers, ${share.same} answered the same ` +
      `(${percent(sameOf(share))}), ${unexplained.length} otherwise without a reason`,
  )
}

async function main(): Promise<number> {
  if (args.record) {
    const count = await withLive(targetNamed("kafka"), async (live) =>
      recordOwn(live, await offeredBy(live)),
    )
    console.log(`${count} exchanges of our own`)
  }
  if (args.kafka) say("kafka", (await replayedBy(targetNamed("kafka"))).replayed)
  if (args["no-varve"]) return 0
  const { offered, replayed } = await replayedBy(targetNamed("varve"))
  say("varve", replayed)
  if (args.write) writeReport(replayed, offered)
  return replayed.some((one) => verdictOn(one)._tag === "unexplained") ? 1 : 0
}

process.exit(await main())
