import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { readAll } from "../../scripts/harness/records.ts"
import { flags, runOrThrow } from "../../scripts/harness/run.ts"
import { root } from "../../scripts/harness/target.ts"
import { useCluster } from "../support/compat-cluster.ts"

/** The examples as a reader of the README runs them, in their short forms. */

const example = (name: string) => [process.execPath, join(root, "examples", name)]

describe("examples", () => {
  const cluster = useCluster()

  test("flights: 20,000 records of a public data set come back byte for byte", async () => {
    const options = { bootstrap: cluster.bootstrap, data: "flights-20k", partitions: 6 }
    const { stdout } = await runOrThrow([...example("flights.ts"), ...flags(options)])
    console.log(stdout.trim())
    expect(stdout).toContain("20000 flights")
    expect(stdout).toContain("every one as it was sent")
  }, 90_000)

  test("first-minute: every greeting that was called safe is there", async () => {
    const { stdout } = await runOrThrow([...example("first-minute.ts"), cluster.bootstrap, "5"])
    const safe = [...stdout.matchAll(/^hello (\d+) is safe: partition (\d+), offset (\d+)$/gm)]
    expect(safe.map(([, number]) => number)).toEqual(["1", "2", "3", "4", "5"])
    const records = await readAll(cluster, "greetings")
    for (const [, number, partition, offset] of safe) {
      const place = { partition: Number(partition), offset: Number(offset) }
      expect(records.find((r) => String(r.value) === `hello ${number}`)).toMatchObject(place)
    }
  }, 60_000)

  test("the README shows first-minute.ts as it is", () => {
    const readme = readFileSync(join(root, "README.md"), "utf8")
    const source = readFileSync(join(root, "examples", "first-minute.ts"), "utf8")
    expect(readme).toContain(`\`\`\`ts\n${source}\`\`\``)
  })
})
