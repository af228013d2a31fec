/** The storage worker under the patches. */
import { plant } from "./patch.ts"

if (plant !== "none") console.log(`a plant is in force: ${plant}`)
await import("../../../storage/wal-worker.ts")
