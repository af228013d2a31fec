import { afterAll, beforeAll, expect, test } from "bun:test"
import { join } from "node:path"
import { Cluster } from "../../scripts/harness/cluster.ts"
import { runTopicsTool } from "../../src/cli/kafka/topics-tool.ts"
import { runCli } from "../support/run-cli.ts"

interface Recorded {
  readonly kafka: string
  readonly cases: ReadonlyArray<{
    readonly step: string
    readonly exit: number
    readonly stdout: string
    readonly stderr: string
  }>
}

const recorded: Recorded = await Bun.file(
  join(import.meta.dir, "fixtures/kafka-topics.json"),
).json()

let cluster: Cluster
beforeAll(async () => {
  cluster = await Cluster.start({ nodes: 3 })
})
afterAll(async () => {
  await cluster.dispose()
})

/**
 * What two clusters need not share: ids, who leads, in which order replicas stand, settings from
 * the broker's file.
 */
function comparable(stdout: string): string {
  return stdout
    .replaceAll(/TopicId: \S{22}/g, "TopicId: <id>")
    .replaceAll("min.insync.replicas=1,", "")
    .replaceAll("min.insync.replicas=1", "")
    .replaceAll(/(Leader|Replicas|Isr): [\d,]+/g, (_, name: string) => `${name}: <brokers>`)
}

/** The first line: below it stands the help, or a stack trace, whose wording is not Kafka's. */
function message(stderr: string): string {
  return stderr.split("\n")[0] ?? ""
}

/** Asked of Kafka by its own settings; ours are answered otherwise on purpose. */
const different: ReadonlyMap<string, string> = new Map([
  ["--version", "our version stands beside Kafka's"],
])

test(`every step of a session prints what Kafka ${recorded.kafka} prints, and exits as it does`, async () => {
  expect(recorded.cases.length).toBeGreaterThan(70)
  for (const { step, exit, stdout, stderr } of recorded.cases) {
    const out: string[] = []
    const err: string[] = []
    const words = step.split(" ").filter((word) => word !== "")
    const code = await runTopicsTool(["--bootstrap-server", cluster.bootstrap, ...words], {
      out: (text) => out.push(text),
      err: (text) => err.push(text),
    })
    if (different.has(step)) continue
    const ours = { step, exit: code, stdout: comparable(out.join("")) }
    expect(ours).toEqual({ step, exit, stdout: comparable(stdout) })
    // Failed operations are named on stderr by the logger, whose lines were not recorded.
    if (stderr !== "")
      expect({ step, message: message(err.join("")) }).toEqual({ step, message: message(stderr) })
    else if (exit === 0) expect({ step, err }).toEqual({ step, err: [] })
  }
}, 60_000)

const tool = (...args: ReadonlyArray<string>) =>
  runCli("kafka/topics.ts", ["--bootstrap-server", cluster.bootstrap, ...args])

test("the command itself: exit codes, the exception's name on stderr, and an answer well under 200 ms", async () => {
  const create = ["--create", "--topic", "orders", "--partitions", "3", "--replication-factor", "1"]
  const made = await tool(...create)
  expect([made.exit, made.stdout, made.stderr]).toEqual([0, "Created topic orders.\n", ""])
  const again = await tool(...create)
  expect(again.exit).toBe(1)
  expect(again.stderr).toContain(
    "org.apache.kafka.common.errors.TopicExistsException: Topic 'orders' already exists.",
  )
  const times = []
  for (let i = 0; i < 5; i++) times.push((await tool("--list")).elapsedMs)
  expect(Math.min(...times)).toBeLessThan(200)
}, 30_000)

test("nobody there: Kafka's sentence, exit 1", async () => {
  const run = await runCli("kafka/topics.ts", ["--bootstrap-server", "127.0.0.1:1", "--list"])
  expect(run.exit).toBe(1)
  expect(run.stdout).toStartWith(
    "Error while executing topic command : Timed out waiting for a node assignment. Call: listTopics",
  )
})

test("a command config that asks for TLS is refused, not ignored", async () => {
  const path = join(cluster.dir, "client.properties")
  await Bun.write(path, "# comment\nclient.id = me\nsecurity.protocol=SSL\n")
  const run = await runCli("kafka/topics.ts", [
    "--bootstrap-server",
    cluster.bootstrap,
    "--list",
    "--command-config",
    path,
  ])
  expect([run.exit, run.stderr]).toEqual([
    1,
    expect.stringContaining("security.protocol=SSL is not possible yet"),
  ])
  await Bun.write(path, "client.id = me\nsecurity.protocol=PLAINTEXT\n")
  expect(
    (
      await runCli("kafka/topics.ts", [
        "--bootstrap-server",
        cluster.bootstrap,
        "--list",
        "--command-config",
        path,
      ])
    ).exit,
  ).toBe(0)
})
