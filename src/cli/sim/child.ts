/** The program of a lane: runs the jobs that `varve sim` hands it, under the trap. */
import { existsSync } from "node:fs"
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { historyLines } from "../../chaos/history/lines.ts"
import { override, parseOverride } from "../../sim/overrides.ts"
import { drawCase } from "../../sim/plan.ts"
import { drawPicture } from "../../sim/picture.ts"
import { pictureModel } from "../../sim/picture-model.ts"
import type { SeedOutcome } from "../../sim/result.ts"
import { runCase } from "../../sim/run.ts"
import type { SimResult } from "../../sim/run.ts"
import { Recorder, traceLines } from "../../sim/trace.ts"
import type { Job, Reply } from "./job.ts"
import { serve } from "./serve.ts"
import { withTrap } from "./trap.ts"

type RunBareSeed = (seed: number) => SeedOutcome

const bareFile = join(import.meta.dir, "..", "..", "sim", "bare", "run.ts")

async function loadBare(): Promise<RunBareSeed> {
  if (!existsSync(bareFile)) throw new Error("the core alone cannot be simulated here")
  const { runBareSeed }: { runBareSeed: RunBareSeed } = await import(bareFile)
  return runBareSeed
}

let runBareSeed: RunBareSeed | undefined

async function run(job: Job): Promise<Reply> {
  switch (job._tag) {
    case "core": {
      const bare = (runBareSeed ??= await loadBare())
      return { outcome: withTrap(() => bare(job.seed)) }
    }
    case "seed": {
      const { seed, overrides } = job
      const changed = overrides.map(parseOverride)
      return replyOf(
        withTrap(() =>
          runCase(
            drawCase(seed, (options) =>
              changed.reduce((so, [path, value]) => override(so, path, value), options),
            ),
          ),
        ),
      )
    }
    case "case":
      return replyOf(withTrap(() => runCase(job.case)))
    case "record":
      return record(job)
    default:
      return job satisfies never
  }
}

function replyOf({ options, plan, ...outcome }: SimResult): Reply {
  return outcome.verdict === "clean" ? { outcome } : { outcome, case: { options, plan } }
}

async function record({ case: kept, folder }: Extract<Job, { _tag: "record" }>): Promise<Reply> {
  const recorder = new Recorder()
  const result = withTrap(() => runCase(kept, recorder))
  await mkdir(folder, { recursive: true })
  await Bun.write(join(folder, "trace.ndjson"), traceLines(recorder.events))
  await Bun.write(join(folder, "log.txt"), recorder.log.map((line) => `${line}\n`).join(""))
  const history = [...historyLines(recorder.history)].map((line) => `${line}\n`)
  await Bun.write(join(folder, "history.jsonl"), history.join(""))
  const { seed, brokers } = kept.options
  const title = `seed ${seed}: ${result.violation?.kind ?? "clean"}`
  const model = pictureModel(recorder.events, { title, brokers })
  await Bun.write(join(folder, "picture.svg"), drawPicture(model))
  return replyOf(result)
}

await serve(run)
