/**
 * `bun --preload …/preload.ts src/cli/start.ts …` runs a broker under the shim: what its log does to
 * files goes through the C library, in its workers too. POWER_PLANT=<id> plants a bug of the
 * project's list, POWER_SEGMENT_BYTES makes files so small that they are rolled, sealed and copied.
 */
import { plugin } from "bun"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { isMainThread } from "node:worker_threads"
import { applyPlant } from "../../../src/chaos/plants/plant.ts"
import { plantOf } from "../../../src/chaos/plants/plants.ts"

const root = join(import.meta.dir, "..", "..", "..")
const shimmed = JSON.stringify(join(import.meta.dir, "fs.ts"))
const planted = process.env["POWER_PLANT"] ?? ""
const plant = plantOf(planted)
if (planted !== "" && plant === undefined) throw new Error(`there is no plant ${planted}`)
const segmentBytes = process.env["POWER_SEGMENT_BYTES"] ?? ""
const segmentBytesDefault = "segmentBytes: 512 * MiB"

function patched(path: string): string {
  let source = readFileSync(path, "utf8").replaceAll('"node:fs"', shimmed)
  if (plant !== undefined && path === join(root, plant.file)) source = applyPlant(plant, source)
  if (segmentBytes === "" || !path.endsWith("/sqlite-wal-options.ts")) return source
  if (!source.includes(segmentBytesDefault)) throw new Error(`no ${segmentBytesDefault} in ${path}`)
  return source.replace(segmentBytesDefault, `segmentBytes: ${segmentBytes}`)
}

plugin({
  name: "power",
  setup(build) {
    const files = [join(root, "storage", "[a-z-]+.ts"), join(root, "src/broker/broker-json.ts")]
    build.onLoad({ filter: new RegExp(`^(${files.join("|")})$`) }, ({ path }) => ({
      contents: patched(path),
      loader: "ts",
    }))
  },
})

/** A worker does not inherit its parent's preload. */
if (isMainThread) {
  globalThis.Worker = class extends Worker {
    constructor(url: string | URL, options?: WorkerOptions) {
      super(url, { ...options, preload: import.meta.path })
    }
  }
}
