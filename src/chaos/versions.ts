/** What took part in a run. */
import { release, type } from "node:os"
import type { ChaosCluster } from "./cluster.ts"

export const versionsOf = ({
  product,
  version,
}: ChaosCluster): Readonly<Record<string, string>> => ({
  [product]: version,
  bun: Bun.version,
  system: `${type()} ${release()} ${process.arch}`,
})
