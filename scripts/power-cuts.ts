/**
 * Power cuts of all nodes' logs at once.
 *
 *   bun scripts/power-cuts.ts [--cuts N] [--nodes N] [--seed N] [--kills]
 *     [--plant synchronous-normal]
 */
import { join } from "node:path"

const campaign = join(import.meta.dir, "../test/storage/campaign.ts")
const child = Bun.spawn([process.execPath, campaign, "power-cuts", ...process.argv.slice(2)], {
  stdout: "inherit",
  stderr: "inherit",
})
process.exitCode = await child.exited
