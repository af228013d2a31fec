import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { exchangesIn, goldenFolder } from "./conformance/exchange.ts"
import { LiveCluster } from "./conformance/live-cluster.ts"
import { Replay, type Replayed } from "./conformance/replay.ts"
import { linesOf, sameOf, shareOf, verdictOn } from "./conformance/verdicts.ts"
import { Cluster } from "./harness/cluster.ts"
import { scriptFlags } from "./harness/script-flags.ts"
import { root, targetNamed, type Target } from "./harness/target.ts"

/**
 * The questions that Apache Kafka was asked, put to varve over TCP, and the answers compared:
 *
 *     bun scripts/conformance.ts --write      also writes docs/conformance.md
 *     bun scripts/conformance.ts --kafka      first puts them to Kafka, as a control
 *
 * Kafka needs Java 17, Maven and ../shared beside the repository.
 */
const args = scriptFlags({
  kafka: { type: "boolean", default: false },
  write: { type: "boolean", default: false },
})

const settings = { "group.initial.rebalance.delay.ms": "0" }

async function replayedBy(target: Target): Promise<Array<Replayed>> {
  const cluster = await Cluster.start({ target, settings })
  try {
    const live = new LiveCluster(cluster.brokers.map(({ port }) => ({ host: "127.0.0.1", port })))
    try {
      return await Replay.of(exchangesIn(goldenFolder), live)
    } finally {
      live.close()
    }
  } finally {
    await cluster.dispose()
  }
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
  if (args.kafka) say("kafka", await replayedBy(targetNamed("kafka")))
  const replayed = await replayedBy(targetNamed("varve"))
  say("varve", replayed)
  if (args.write) {
    mkdirSync(join(root, "docs"), { recursive: true })
    writeFileSync(join(root, "docs", "conformance.md"), "")
  }
  return replayed.some((one) => verdictOn(one)._tag === "unexplained") ? 1 : 0
}

process.exit(await main())
