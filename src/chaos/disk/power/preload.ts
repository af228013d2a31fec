/**
 * `bun --preload …/preload.ts src/cli/start.ts …` runs a broker under the shim: what its log does to
 * files goes through the C library, in its workers too. POWER_SEGMENT_BYTES makes files so small
 * that they are rolled, sealed and copied.
 */
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { isMainThread } from "node:worker_threads"
import { patchSources, preloadWorkers } from "../../plants/source-patches.ts"

const root = join(import.meta.dir, "..", "..", "..", "..")
const storage = join(root, "storage")
const shimmed = JSON.stringify(join(import.meta.dir, "fs.ts"))
const segmentBytes = process.env["POWER_SEGMENT_BYTES"] ?? ""
const segmentBytesDefault = "segmentBytes: 512 * MiB"

const files = readdirSync(storage)
  .filter((name) => name.endsWith(".ts"))
  .map((name) => join(storage, name))
patchSources([...files, join(root, "src", "broker", "broker-json.ts")], (source) =>
  source.replaceAll('"node:fs"', shimmed),
)

if (segmentBytes !== "") {
  patchSources([join(storage, "sqlite-wal-options.ts")], (source, path) => {
    if (!source.includes(segmentBytesDefault)) throw new Error(`no ${segmentBytesDefault}: ${path}`)
    return source.replace(segmentBytesDefault, `segmentBytes: ${segmentBytes}`)
  })
}

if (isMainThread) preloadWorkers(import.meta.path)
