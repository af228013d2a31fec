/** The storage worker's thread: takes transactions one at a time and says when each is durable. */
import { SQLiteError } from "bun:sqlite"
import { writeFileSync } from "node:fs"
import { describeFiles, isMalformed, sentinelPath, unusableMark } from "./admission.ts"
import { CorruptRow } from "./directory.ts"
import { perform } from "./housekeeping-jobs.ts"
import { reached } from "./kill-point.ts"
import type { WriterSettings } from "./schema.ts"
import { SegmentWriter, type Transaction } from "./segment-writer.ts"
import { SentinelKeeper } from "./sentinel.ts"
import { takeOver } from "./take-over.ts"
import type { FromWorker, ToWorker } from "./worker-protocol.ts"

let writer: SegmentWriter | undefined
let path = ""
let settings: WriterSettings | undefined
let keeper: SentinelKeeper | undefined
let keeperDir = ""
let due: ReturnType<typeof setTimeout> | undefined
let failed = false

globalThis.addEventListener("message", (event: MessageEvent<ToWorker>) => {
  if (!failed) guarded(() => answer(handle(event.data)))
})

/** Whatever throws ends the log: nothing is done after it. */
function guarded(action: () => void): void {
  try {
    action()
  } catch (error) {
    failed = true
    const malformed = error instanceof SQLiteError && isMalformed(error)
    if (malformed || error instanceof CorruptRow) writeFileSync(unusableMark(path), "")
    answer({ _tag: "failed", message: error instanceof Error ? error.message : String(error) })
  }
}

function answer(message: FromWorker | undefined): void {
  if (message !== undefined) globalThis.postMessage(message, [])
}

/** Undefined: nobody waits for an answer. */
function handle(message: ToWorker): FromWorker | undefined {
  switch (message._tag) {
    case "open": {
      const taken = takeOver(message.dir, message.settings, (next) => (path = next))
      writer = taken.writer
      settings = message.settings
      const { pagesReplayed } = writer
      return { _tag: "opened", path: taken.path, pragmas: writer.pragmas(), pagesReplayed }
    }
    case "guard":
      keeperDir = message.dir
      keeper = new SentinelKeeper(
        sentinelPath(keeperDir),
        new Map(message.groups),
        message.forgetful,
        performance.now(),
      )
      return { _tag: "guarded" }
    case "remembered":
      keeper?.remembered()
      return undefined
    case "commit": {
      const startedMs = performance.now()
      keeper?.prepare(message.transaction, startedMs)
      commit(message.transaction)
      keeper?.note(message.transaction, performance.now())
      flushLater()
      const elapsedMs = performance.now() - startedMs
      return { _tag: "committed", number: message.transaction.number, elapsedMs }
    }
    case "pragmas":
      return { _tag: "pragmas", pragmas: opened().pragmas() }
    case "perform":
      return { _tag: "performed", error: failureOf(() => perform(message.job, message.settings)) }
    case "close":
      writer?.close()
      keeper?.close(describeFiles(keeperDir))
      clearTimeout(due)
      return { _tag: "closed" }
    default:
      return message satisfies never
  }
}

/** A roll goes into another file; the old one is left as it is, for housekeeping to seal. */
function commit(transaction: Transaction): void {
  const { roll } = transaction
  if (roll === undefined || settings === undefined) return opened().commit(transaction)
  const next = new SegmentWriter(roll.path, settings)
  reached("made")
  next.takeOverFrom(opened(), { ...transaction, roll })
  reached("rolled")
  opened().close()
  writer = next
  path = roll.path
}

function failureOf(action: () => void): string | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** What may wait is written within its time even if no commit follows. */
function flushLater(): void {
  const waitMs = keeper?.dueMs(performance.now())
  if (waitMs === undefined || due !== undefined) return
  due = setTimeout(() => {
    due = undefined
    if (!failed) guarded(() => keeper?.flush(performance.now()))
  }, waitMs)
}

function opened(): SegmentWriter {
  if (writer === undefined) throw new Error("the log is not open")
  return writer
}
