/** The storage worker's thread: takes transactions one at a time and says when each is durable. */
import { SegmentWriter } from "./segment-writer.ts"
import type { FromWorker, ToWorker } from "./worker-protocol.ts"

let writer: SegmentWriter | undefined
let failed = false

globalThis.addEventListener("message", (event: MessageEvent<ToWorker>) => {
  if (failed) return
  try {
    answer(handle(event.data))
  } catch (error) {
    failed = true
    answer({ _tag: "failed", message: error instanceof Error ? error.message : String(error) })
  }
})

function answer(message: FromWorker): void {
  globalThis.postMessage(message, [])
}

function handle(message: ToWorker): FromWorker {
  switch (message._tag) {
    case "open":
      writer = new SegmentWriter(message.path, message.settings)
      return { _tag: "opened", pragmas: writer.pragmas(), journal: writer.journal }
    case "commit": {
      const startedMs = performance.now()
      opened().commit(message.transaction)
      const elapsedMs = performance.now() - startedMs
      return { _tag: "committed", number: message.transaction.number, elapsedMs }
    }
    case "pragmas":
      return { _tag: "pragmas", pragmas: opened().pragmas() }
    case "close":
      opened().close()
      return { _tag: "closed" }
    default:
      return message satisfies never
  }
}

function opened(): SegmentWriter {
  if (writer === undefined) throw new Error("the log is not open")
  return writer
}
