import { join } from "node:path"
import { root } from "./harness/target.ts"

/**
 * Records anew what Kafka's own kafka-topics prints for the steps of the fixture:
 *
 *   ../shared/kafka/reference-kafka cluster --nodes 3 --port 29092 --fresh
 *   bun scripts/capture-kafka-topics.ts ../shared/kafka/reference-kafka 127.0.0.1:29092 4.3.1
 *
 * The cluster must be empty. Of stderr the logger's lines and stack traces are left out.
 */
interface Fixture {
  readonly kafka: string
  readonly cases: ReadonlyArray<{ readonly step: string }>
}

const [tool, bootstrap, version] = process.argv.slice(2)
if (!tool || !bootstrap || !version) {
  throw new Error("usage: capture-kafka-topics.ts TOOL BOOTSTRAP VERSION")
}

const path = join(root, "test/cli/fixtures/kafka-topics.json")
const fixture: Fixture = await Bun.file(path).json()
const cases = fixture.cases.map(({ step }) => {
  const words = step.split(" ").filter((word) => word !== "")
  const run = Bun.spawnSync([tool, "kafka-topics", "--bootstrap-server", bootstrap, ...words])
  const stderr = run.stderr
    .toString()
    .split("\n")
    .filter((line) => !/^\d\d:\d\d:\d\d\.\d+ \[|^\tat |^Caused by|^\t\.\.\. /.test(line))
    .join("\n")
    .replace(/^\n+$/, "")
  return { step, exit: run.exitCode, stdout: run.stdout.toString(), stderr }
})
await Bun.write(path, `${JSON.stringify({ kafka: version, cases }, null, 2)}\n`)
