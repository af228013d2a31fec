/** The storage worker under the patches. */
import "./patch.ts"

await import("../../../storage/wal-worker.ts")
