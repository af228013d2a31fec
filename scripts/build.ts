/**
 * Bundles what the cluster runs into dist/: the broker, the command tree, the storage worker. Run
 * by `npm install`; the supervisor takes the bundle while it is newer than every source (three
 * brokers read their sources in 0.4 s, the bundle in 0.17 s).
 */
import { rmSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dir, "..")
const outdir = join(root, "dist")

rmSync(outdir, { recursive: true, force: true })
const result = await Bun.build({
  entrypoints: ["src/cli/start.ts", "src/cli/commands.ts", "storage/wal-worker.ts"].map((path) =>
    join(root, path),
  ),
  outdir,
  target: "bun",
  format: "esm",
  splitting: true,
  naming: { entry: "[name].js", chunk: "chunk-[hash].js" },
  // Native code, found beside its package at run time.
  external: ["lz4-napi"],
})
for (const line of result.logs) console.error(line.message)
if (!result.success) process.exit(1)
