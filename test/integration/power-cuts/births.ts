/**
 * Clusters whose power is cut in their very first start, before anybody was served: they must come
 * up with the next one, as if they had never begun.
 */
import { mkdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { Prng } from "../../../raft/prng.ts"
import { createTopic } from "../../../scripts/harness/layout.ts"
import { PowerCluster, type PowerClusterOptions } from "./power-cluster.ts"

export interface Birth {
  /** From the spawning of the brokers to the cut. */
  readonly cutMs: number
  /** Of the start after it. */
  readonly readyMs: number
  /** What does not trust a log, or any error. */
  readonly lines: ReadonlyArray<string>
}

/** Throws when a cluster does not come up. */
export async function* births(
  options: PowerClusterOptions,
  count: number,
  seed: number,
): AsyncGenerator<Birth> {
  const prng = new Prng(seed)
  let usualMs = 1_500
  for (let number = 1; number <= count; number++) {
    const dir = join(options.dir, `birth-${number}`)
    mkdirSync(dir)
    const cluster = await PowerCluster.prepare({ ...options, dir })
    try {
      cluster.spawn()
      // The first third is the program being loaded.
      const cutMs = Math.round((usualMs * (30 + prng.below(90))) / 100)
      await Bun.sleep(cutMs)
      await cluster.cut(prng)
      cluster.spawn()
      const readyMs = await cluster.untilReady()
      usualMs = (usualMs + readyMs) / 2
      await createTopic(cluster.bootstrapList, { topic: `born-${number}`, partitions: 3 })
      const lines = cluster
        .newLines()
        .filter((line) => /has brought it up to date| ERROR /.test(line))
      yield { cutMs, readyMs, lines }
    } finally {
      await cluster.dispose()
      rmSync(dir, { recursive: true })
    }
  }
}
