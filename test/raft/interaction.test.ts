import { readdirSync } from "node:fs"
import { join } from "node:path"
import { test } from "bun:test"
import { runTranscript } from "../support/data-driven.ts"
import { Interaction } from "./interaction.ts"

const folder = join(import.meta.dir, "testdata")

for (const file of readdirSync(folder).filter((name) => name.endsWith(".txt"))) {
  test(file, () => {
    const interaction = new Interaction()
    runTranscript(join(folder, file), (command) => interaction.run(command))
  })
}
