/** Takes the lock of argv[2], says so, and waits to be killed. */
import { acquireLock } from "../../storage/index.ts"

const [, , dir = ""] = process.argv
acquireLock(dir)
// The lock must not depend on anybody holding on to it.
Bun.gc(true)
process.stdout.write("locked\n")
// Ends by itself should the parent be gone.
setTimeout(() => {}, 30_000)
