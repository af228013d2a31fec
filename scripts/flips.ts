/**
 * Damages of each region class of a log's files.
 *
 *   bun scripts/flips.ts [--flips N] [--seed N] [--class NAME]
 */
import { join } from "node:path"

const campaign = join(import.meta.dir, "../test/storage/campaign.ts")
const child = Bun.spawn([process.execPath, campaign, "flips", ...process.argv.slice(2)], {
  stdout: "inherit",
  stderr: "inherit",
})
process.exitCode = await child.exited
