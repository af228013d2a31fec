/** The log works when the program is bundled with the worker as a second entry point. */
import { expect, test } from "bun:test"
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { temporaryFolder } from "./open-wals.ts"

const program = `
  import { openSqliteWal } from ${JSON.stringify(join(import.meta.dir, "../../storage/index.ts"))}
  const dir = process.argv[2]
  let wal
  const onDurable = async (through) => {
    await wal.close()
    console.log("durable", through)
  }
  wal = await openSqliteWal({ dir, onDurable, onFailure: (error) => { throw error } })
  const standing = "trusted" as const
  const hardState = { term: 1, votedFor: null, commitIndex: 0, acceptedTerm: 0, standing }
  wal.commit([{ group: 1, entries: [], hardState }])
`

test("bundled, the worker is found beside the program", async () => {
  const dir = temporaryFolder()
  writeFileSync(join(dir, "main.ts"), program)
  const built = await Bun.build({
    entrypoints: [join(dir, "main.ts"), join(import.meta.dir, "../../storage/wal-worker.ts")],
    outdir: join(dir, "out"),
    target: "bun",
    naming: "[name].[ext]",
  })
  expect(built.success).toBe(true)
  const child = Bun.spawn([process.execPath, join(dir, "out/main.js"), join(dir, "data")], {
    stdout: "pipe",
    stderr: "inherit",
  })
  expect(await new Response(child.stdout).text()).toBe("durable 1\n")
  expect(await child.exited).toBe(0)
  rmSync(dir, { recursive: true })
})
