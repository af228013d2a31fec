/** What the command and its child processes say to each other: one line of JSON each. */
import type { SimCase } from "../../sim/case.ts"
import type { SeedOutcome } from "../../sim/result.ts"

export type Job =
  /** Whole brokers, options and plan drawn from the seed. `overrides`: `path=value` each. */
  | { readonly _tag: "seed"; readonly seed: number; readonly overrides: ReadonlyArray<string> }
  /** The Raft core alone. */
  | { readonly _tag: "core"; readonly seed: number }
  | { readonly _tag: "case"; readonly case: SimCase }
  /** As "case"; writes `trace.ndjson`, `log.txt`, `history.jsonl` and `picture.svg` there. */
  | { readonly _tag: "record"; readonly case: SimCase; readonly folder: string }

export interface Reply {
  readonly outcome: SeedOutcome
  /** What replays it; with alarms of whole brokers only. */
  readonly case?: SimCase
}

/** What a child runs for each job. Throws only when the job itself is wrong. */
export type Runner = (job: Job) => Promise<Reply>
