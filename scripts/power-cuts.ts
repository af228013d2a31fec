/**
 * Power cuts of all nodes' logs at once.
 *
 *   bun scripts/power-cuts.ts [--cuts N] [--nodes N] [--seed N] [--kills]
 *     [--plant synchronous-normal]
 *
 * Of a real cluster, three brokers and the writers of others, with --brokers:
 *
 *   bun scripts/power-cuts.ts --brokers [--cuts N] [--seed N] [--full-every N]
 *     [--plant synchronous-normal]
 */
import { join } from "node:path"

const campaign = process.argv.includes("--brokers")
  ? [join(import.meta.dir, "../test/integration/power-cuts/brokers-campaign.ts")]
  : [join(import.meta.dir, "../test/storage/campaign.ts"), "power-cuts"]
const child = Bun.spawn([process.execPath, ...campaign, ...process.argv.slice(2)], {
  stdout: "inherit",
  stderr: "inherit",
})
process.exitCode = await child.exited
