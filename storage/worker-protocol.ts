/** What main thread and storage worker say to each other. At most one commit is under way. */
import type { HousekeepingJob } from "./housekeeping-jobs.ts"
import type { Pragmas, WriterSettings } from "./schema.ts"
import type { Transaction } from "./segment-writer.ts"
import type { GroupSentinel } from "./sentinel-record.ts"
import type { GroupId } from "./wal.ts"

export type ToWorker =
  | { readonly _tag: "open"; readonly dir: string; readonly settings: WriterSettings }
  /** The log has been judged: what the sentinel says from now on. Before the first commit. */
  | {
      readonly _tag: "guard"
      readonly dir: string
      readonly groups: ReadonlyMap<GroupId, GroupSentinel>
      readonly forgetful: boolean
    }
  /** See `Wal.remembered`. No answer. */
  | { readonly _tag: "remembered" }
  | { readonly _tag: "commit"; readonly transaction: Transaction }
  | { readonly _tag: "pragmas" }
  /** To the thread of housekeeping alone, which has no log open. */
  | {
      readonly _tag: "perform"
      readonly job: HousekeepingJob
      readonly settings: WriterSettings
    }
  | { readonly _tag: "close" }

export type FromWorker =
  | {
      readonly _tag: "opened"
      /** The file that is written to. */
      readonly path: string
      readonly pragmas: Pragmas
      readonly pagesReplayed: number
    }
  | { readonly _tag: "guarded" }
  | { readonly _tag: "committed"; readonly number: number; readonly elapsedMs: number }
  | { readonly _tag: "pragmas"; readonly pragmas: Pragmas }
  | { readonly _tag: "performed"; readonly error: string | undefined }
  | { readonly _tag: "closed" }
  /** Nothing more is done: a connection whose fsync failed would accept the next commit (E3). */
  | { readonly _tag: "failed"; readonly message: string }
