/** Those that judge histories, each a process of its own. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { root } from "../target.ts"
import type { Judgement, Place } from "./agreement.ts"

/** Throws when the history cannot be judged. */
export type Judge = (history: string) => Judgement

const referee = join(root, "test", "referee")
const outputMax = 256 * 1024 * 1024

/** Exit codes: 0 and 1 are verdicts, varve's 3 (inconclusive) as well. */
function said(command: ReadonlyArray<string>): Record<string, unknown> {
  const [program, ...words] = command
  const child = spawnSync(program ?? "", words, { encoding: "utf8", maxBuffer: outputMax })
  try {
    const parsed: Record<string, unknown> = JSON.parse(child.stdout.trim().split("\n").at(-1) ?? "")
    if (!("broken" in parsed)) return parsed
  } catch {
    // What it said follows.
  }
  const why = `${child.stdout}${child.stderr}`.trim().split("\n").at(-1) ?? "no answer"
  throw new Error(`${command.join(" ")}: ${why}`)
}

const isPlace = (value: unknown): value is Place =>
  typeof value === "object" && value !== null && "kind" in value && "partition" in value

function placesOf(value: unknown): ReadonlyArray<Place> {
  const all = Array.isArray(value) ? value.filter(isPlace) : []
  const unique = new Map(all.map((place) => [`${place.kind} ${place.partition}`, place]))
  return [...unique.values()].map(({ kind, partition }) => ({ kind, partition }))
}

export const varveChecker: Judge = (history) => {
  const main = join(root, "src", "cli", "main.ts")
  const { anomalies, counts } = said([process.execPath, main, "chaos", "check", history, "--json"])
  const found = Array.isArray(anomalies) ? anomalies.length : 0
  const total = Object.values(counts ?? {}).reduce((sum: number, count) => sum + Number(count), 0)
  return { places: placesOf(anomalies), isCut: total > found, unknown: 0 }
}

/** What is missing, in one line, instead of a judge. */
export function pythonReferee(): Judge | string {
  if (spawnSync("python3", ["-c", "import dataclasses"]).status !== 0) {
    return "no python3: the second checker is left out"
  }
  return (history) => {
    const { places } = said(["python3", join(referee, "referee.py"), history])
    return { places: placesOf(places), isCut: false, unknown: 0 }
  }
}

/** Builds it, outside the repository; Go fetches Porcupine, at the version of go.sum. */
export function porcupineReferee(): Judge | string {
  if (spawnSync("go", ["version"]).status !== 0) return "no go: Porcupine is left out"
  const folder = mkdtempSync(join(tmpdir(), "varve-porcupine-"))
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
  const program = join(folder, "porcupine")
  const built = spawnSync("go", ["build", "-o", program, "."], {
    cwd: join(referee, "porcupine"),
    encoding: "utf8",
  })
  if (built.status !== 0) {
    return `Porcupine is left out: ${built.stderr.trim().split("\n").at(-1)}`
  }
  return (history) => {
    const { anomalies, topics, logs } = said([program, history])
    return {
      places: placesOf(anomalies),
      isCut: false,
      unknown: unknownOf(topics) + unknownOf(logs),
    }
  }
}

const unknownOf = (tally: unknown): number =>
  typeof tally === "object" && tally !== null && "unknown" in tally ? Number(tally.unknown) : 0
