/**
 * Writes the workload into the logs of argv[3] nodes under argv[2] until each has argv[4] commits,
 * and marks in the record which commit of which node was reported durable. argv[5]: "steady" for a
 * steady load.
 */
import { plant } from "./patch.ts"
import { join } from "node:path"
import { mark } from "../../../src/chaos/disk/power/fs.ts"

const { openSqliteWal } = await import("../../../storage/index.ts")
const { workloadProgress } = await import("../workload.ts")
const { powerCommit } = await import("./power-load.ts")

if (plant !== "none") console.log(`a plant is in force: ${plant}`)
const [, , root = "", nodes = "1", commits = "100", steady = ""] = process.argv
const workerUrl = new URL("./power-worker.ts", import.meta.url)

async function run(node: number): Promise<void> {
  const done = Promise.withResolvers<void>()
  let startedAt = 0
  let committed = 0
  const wal = await openSqliteWal({
    dir: join(root, `node-${node}`),
    workerUrl,
    limits: { rowBytesMax: 16_384, checkpointPages: 20, pageBytes: 4096 },
    onDurable: (through) => {
      mark(node, startedAt + through)
      if (startedAt + through >= Number(commits)) done.resolve()
      else keepBusy()
    },
    onFailure: (error) => done.reject(error),
  })
  const keepBusy = () => {
    while (wal.pendingBytes < 20_000 && committed < Number(commits)) {
      committed += 1
      wal.commit(powerCommit(committed, wal, steady === "steady"))
    }
  }
  startedAt = workloadProgress(wal)
  committed = startedAt
  keepBusy()
  await done.promise
  await wal.close()
}

await Promise.all(Array.from({ length: Number(nodes) }, (_, node) => run(node)))
