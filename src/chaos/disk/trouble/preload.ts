/**
 * `CHAOS_DISK=FOLDER bun --preload …/preload.ts src/cli/start.ts …` runs a broker whose storage and
 * clock obey the control folder. Without a command it runs as it always does.
 */
import { join } from "node:path"
import { isMainThread } from "node:worker_threads"
import { applyPlant } from "../../plants/plant.ts"
import { patchSources, preloadWorkers } from "../../plants/source-patches.ts"
import { ControlFolder } from "../control-folder.ts"
import { installClock } from "./clock-in-broker.ts"
import { troubleEdits, troubleName } from "./edits.ts"
import { StorageInBroker } from "./storage-in-broker.ts"

const root = join(import.meta.dir, "..", "..", "..", "..")
const dir = process.env["CHAOS_DISK"]
if (dir === undefined) throw new Error("CHAOS_DISK names no folder")

const folder = new ControlFolder(dir)
Object.assign(globalThis, { [troubleName]: new StorageInBroker(folder) })
for (const edit of troubleEdits) {
  patchSources([join(root, edit.file)], (source) => applyPlant(edit, source))
}
if (isMainThread) {
  installClock(folder)
  preloadWorkers(import.meta.path)
}
