import { readdirSync, statSync } from "node:fs"
import { join } from "node:path"
import type { Cluster } from "../harness/cluster.ts"

/** What the log of a broker takes on its disk: its files, journals and unfinished copies too. */

const isOfLog = (name: string): boolean => name.startsWith("segment-") && !name.endsWith("-shm")

export function logBytes(dir: string): number {
  const sizes = readdirSync(dir)
    .filter(isOfLog)
    // It may have gone in between.
    .map((name) => statSync(join(dir, name), { throwIfNoEntry: false })?.size ?? 0)
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** Of each broker. */
export const diskUse = (cluster: Cluster): ReadonlyArray<number> =>
  cluster.brokers.map(({ dir }) => logBytes(dir))
