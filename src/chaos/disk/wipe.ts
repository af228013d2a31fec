/** A broker that is down loses its log: it will come back as another disk. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { ChaosNode } from "../cluster.ts"
import type { Effect } from "../fault.ts"
import { removeLog } from "./damage/files.ts"
import { healthOf } from "./health.ts"

export interface Wiped {
  /** "12 files of disk 8a… are gone" */
  readonly what: string
  readonly changed: boolean
  /** Once it runs again: whether it is another disk now. */
  readonly look: () => Promise<Effect>
}

/** All but its settings and its name is gone. */
export function wipe(node: ChaosNode): Wiped {
  const before = diskUuid(node)
  const removed = removeLog(node.dir, ["identity.json"])
  return {
    what: `${removed} files of disk ${before} are gone`,
    changed: removed > 0,
    async look() {
      const after = (await healthOf(node))?.diskUuid ?? diskUuid(node)
      return { effective: after !== before, evidence: `it is disk ${after} now` }
    },
  }
}

function diskUuid({ dir }: ChaosNode): string {
  const identity: unknown = JSON.parse(readFileSync(join(dir, "identity.json"), "utf8"))
  return typeof identity === "object" && identity !== null && "diskUuid" in identity
    ? String(identity.diskUuid)
    : "?"
}
