/**
 * `bun --preload src/chaos/plants/preload.ts …` with CHAOS_PLANT=<id> runs the program with that
 * bug planted, its workers too. A plant that does not exist, does not fit or is never loaded ends
 * the process with exit code 4: a run that did not have its bug must not count as one that missed
 * it. With CHAOS_PLANT_MARK=<file> it is somebody else who looks, for a process that is killed
 * cannot: that file is made when the plant is loaded.
 */
import { existsSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { isMainThread } from "node:worker_threads"
import { applyPlant } from "./plant.ts"
import type { Plant } from "./plant.ts"
import { plantOf } from "./plants.ts"
import { patchSources, preloadWorkers } from "./source-patches.ts"

const notPlantedExit = 4
const root = join(import.meta.dir, "..", "..", "..")
const ownMark = process.env["CHAOS_PLANT_MARK"]
/** The process that was asked for the plant; those that it starts have the bug too. */
const isFirst = isMainThread && process.env["CHAOS_PLANT_FIRST"] === undefined
const first = (process.env["CHAOS_PLANT_FIRST"] ??= `${process.pid}`)
/** Any thread of any of them may be the one that loads the file. */
const loadedMark = ownMark ?? join(tmpdir(), `varve-plant-${first}`)

const id = process.env["CHAOS_PLANT"] ?? ""
if (id !== "") {
  const plant = plantOf(id)
  if (plant === undefined) refuse(`there is no plant ${id}`)
  // One of the same number that was killed may have left it.
  if (isFirst && ownMark === undefined) rmSync(loadedMark, { force: true })
  plantBug(plant)
  if (isMainThread) preloadWorkers(import.meta.path)
  if (isFirst) {
    process.env["BUN_OPTIONS"] = `--preload ${import.meta.path}`
    if (ownMark === undefined) process.on("exit", () => refuseIfNotLoaded(plant))
  }
}

function refuseIfNotLoaded(plant: Plant): void {
  const loaded = existsSync(loadedMark)
  rmSync(loadedMark, { force: true })
  if (!loaded) refuse(`plant ${id}: ${plant.file} was never loaded`)
}

function plantBug(plant: Plant): void {
  patchSources([join(root, plant.file)], (source) => {
    writeFileSync(loadedMark, "")
    return patched(plant, source)
  })
}

function patched(plant: Plant, source: string): string {
  try {
    return applyPlant(plant, source)
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error))
  }
}

function refuse(why: string): never {
  console.error(why)
  process.exit(notPlantedExit)
}
