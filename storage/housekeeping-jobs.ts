/** The jobs of housekeeping, as its thread does them. Each is safe to be cut off anywhere. */
import { copyForward, type CopyJob } from "./copy-forward.ts"
import { reached } from "./kill-point.ts"
import type { WriterSettings } from "./schema.ts"
import { leaveJournal, sealSegment } from "./seal.ts"
import { removeSegment } from "./take-over.ts"

export type HousekeepingJob =
  | { readonly _tag: "seal"; readonly path: string; readonly endSeq: number }
  | { readonly _tag: "leave"; readonly path: string }
  | ({ readonly _tag: "copy" } & CopyJob)
  | { readonly _tag: "remove"; readonly paths: ReadonlyArray<string> }

export function perform(job: HousekeepingJob, settings: WriterSettings): void {
  switch (job._tag) {
    case "seal":
      sealSegment(job.path, job.endSeq, settings)
      return reached("sealed")
    case "leave":
      leaveJournal(job.path)
      return reached("left")
    case "copy":
      copyForward(job, settings)
      return reached("copied")
    case "remove":
      for (const path of job.paths) {
        removeSegment(path)
        reached("removed")
      }
      return
    default:
      return job satisfies never
  }
}
