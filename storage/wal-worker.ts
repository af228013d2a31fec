/** The storage worker's thread: takes transactions one at a time and says when each is durable. */
import { SQLiteError } from "bun:sqlite"
import { writeFileSync } from "node:fs"
import { describeFiles, isDamage, sentinelPath, unusableMark } from "./admission.ts"
import { SegmentWriter } from "./segment-writer.ts"
import { SentinelKeeper } from "./sentinel.ts"
import type { FromWorker, ToWorker } from "./worker-protocol.ts"

let writer: SegmentWriter | undefined
let path = ""
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
    if (error instanceof SQLiteError && isDamage(error)) writeFileSync(unusableMark(path), "")
    answer({ _tag: "failed", message: error instanceof Error ? error.message : String(error) })
  }
}

function answer(message: FromWorker): void {
  globalThis.postMessage(message, [])
}

function handle(message: ToWorker): FromWorker {
  switch (message._tag) {
    case "open":
      path = message.path
      writer = new SegmentWriter(path, message.settings)
      return { _tag: "opened", pragmas: writer.pragmas(), pagesReplayed: writer.pagesReplayed }
    case "guard":
      keeperDir = message.dir
      keeper = new SentinelKeeper(
        sentinelPath(keeperDir),
        new Map(message.groups),
        performance.now(),
      )
      return { _tag: "guarded" }
    case "commit": {
      const startedMs = performance.now()
      opened().commit(message.transaction)
      keeper?.note(message.transaction, performance.now())
      flushLater()
      const elapsedMs = performance.now() - startedMs
      return { _tag: "committed", number: message.transaction.number, elapsedMs }
    }
    case "pragmas":
      return { _tag: "pragmas", pragmas: opened().pragmas() }
    case "close":
      opened().close()
      keeper?.close(describeFiles(keeperDir))
      clearTimeout(due)
      return { _tag: "closed" }
    default:
      return message satisfies never
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
