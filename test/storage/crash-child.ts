/**
 * Writes the workload into argv[2] as fast as it can; prints k once commit k is durable. Killed by
 * its parent.
 */
import { writeSync } from "node:fs"
import { openSqliteWal } from "../../storage/index.ts"
import { workloadCommit, workloadProgress } from "./workload.ts"

const [, , dir = ""] = process.argv
const wal = await openSqliteWal({
  dir,
  limits: { rowBytesMax: 16_384, checkpointPages: 20, segmentBytes: 200_000 },
  onDurable: (through) => {
    writeSync(1, `${startedAt + through}\n`)
    keepBusy()
  },
  onFailure: (error) => {
    throw error
  },
})
const startedAt = workloadProgress(wal)
let committed = startedAt

/** Several commits are on their way at any time, so that transactions hold more than one. */
function keepBusy(): void {
  while (wal.pendingBytes < 100_000) {
    committed += 1
    wal.commit(workloadCommit(committed, wal))
  }
}

writeSync(1, `${startedAt}\n`)
keepBusy()
