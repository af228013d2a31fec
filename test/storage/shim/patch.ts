/**
 * Puts text patches into the storage's sources as they are loaded, in this thread. The sources
 * themselves carry nothing of it; a patch that no longer fits fails the test.
 */
import { plugin } from "bun"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { applyPlant } from "../../../src/chaos/plants/plant.ts"
import { plantOf } from "../../../src/chaos/plants/plants.ts"

interface Patch {
  readonly file: string
  readonly find: string
  readonly replace: string
}

const plants: Record<string, ReadonlyArray<Patch>> = {
  none: [],
  // A commit returns before it is durable, and nobody looks at the setting.
  "synchronous-normal": [
    { file: "schema.ts", find: "synchronous = FULL", replace: "synchronous = NORMAL" },
    { file: "schema.ts", find: "pragmas.synchronous < 2", replace: "pragmas.synchronous < 1" },
  ],
}

/** The plant in force. */
export const plant = process.env["POWER_PLANT"] ?? "none"

/** A bug of the whole project's list, when the tests run with one. */
const planted = plantOf(process.env["CHAOS_PLANT"] ?? "")
const fs = join(import.meta.dir, "..", "..", "..", "src", "chaos", "disk", "power", "fs.ts")
const patches = plants[plant]
if (patches === undefined) throw new Error("no such plant")

plugin({
  name: "power",
  setup(build) {
    build.onLoad({ filter: /\/storage\/[a-z-]+\.ts$/ }, ({ path }) => {
      let contents = readFileSync(path, "utf8")
      if (!path.includes("/test/")) contents = contents.replaceAll('"node:fs"', JSON.stringify(fs))
      for (const { file, find, replace } of patches) {
        if (!path.endsWith(`/storage/${file}`)) continue
        if (!contents.includes(find)) throw new Error(`${file} has no ${find}`)
        contents = contents.replaceAll(find, replace)
      }
      if (planted !== undefined && path.endsWith(`/${planted.file}`)) {
        contents = applyPlant(planted, contents)
      }
      return { contents, loader: "ts" }
    })
  },
})
