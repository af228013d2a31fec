import { afterAll, beforeAll, expect, test } from "bun:test"
import { join } from "node:path"
import { Cluster } from "../../scripts/harness/cluster.ts"
import { root, target } from "../../scripts/harness/target.ts"
import { until } from "../../scripts/harness/until.ts"
import { Client, describeGroup, parseBootstrap } from "../../src/client/index.ts"
import { runCli } from "../support/run-cli.ts"
import { ToolSession, withoutNoise, type Printed, type Step } from "../support/tool-session.ts"

/**
 * Kafka's tools against Kafka, recorded by `scripts/capture-kafka-tools.ts`; here the same steps
 * with our tools against varve. In the order of the recording: later sessions list what earlier
 * ones made.
 */
const sessions = ["consumer-groups", "offsets-and-logs", "configs", "produce-consume"] as const

let cluster: Cluster
beforeAll(async () => {
  const settings = { "group.initial.rebalance.delay.ms": "0" }
  cluster = await Cluster.start({ nodes: 1, settings })
  const client = new Client({ bootstrap: parseBootstrap(cluster.bootstrap) ?? [] })
  await until(
    "groups to be coordinated",
    () => listed(describeGroup(client, "nobody")).then((text) => text.includes("not found")),
    { timeoutMs: 60_000, everyMs: 200 },
  )
  client.close()
}, 120_000)
afterAll(async () => {
  await cluster.dispose()
})

const listed = (asked: Promise<unknown>) => asked.then(() => "", String)

const sortLines = (text: string) => text.split("\n").toSorted().join("\n")

/** Sections and lists come in the order of a hash map in Kafka. */
function ordered(step: Step, text: string): string {
  const words = step.args ?? []
  const lists = words.includes("--list") || words.includes("--all-groups")
  const everything = words.includes("--entity-type") && !words.includes("--entity-name")
  return lists || everything ? sortLines(text) : text
}

const ownList = (text: string) => text.split(/, |,/).toSorted().join(", ")

/** What two clusters need not share: ids, times, folders, sizes on disk. */
function settled(step: Step, text: string): string {
  const same = text
    .replaceAll(/"directoryId": "[^"]+", |CONTROLLER:\/\/[^"\s]+/g, "")
    .replaceAll(/\b(anna|b1)-[0-9a-zA-Z_-]{20,}/g, (_, name: string) => `<${name}>`)
    .replaceAll(/(?<![\w-])[\w-]{22}(?= +\/127)/g, "<member>")
    .replaceAll(/(?<=CreateTime:)\d+/g, "<ms>")
    .replaceAll(/\{bootstrap\} +\(/g, "{bootstrap} (")
    .replaceAll(/\/127\.0\.0\.1(:\d+)? */g, "/127.0.0.1 ")
    .replaceAll(/(?<="logDir":"|log\.dirs=)[^" ,}]+/g, "{log.dirs}")
    .replaceAll(/(?<="size":)\d+/g, "<bytes>")
    .replaceAll(/(?<=ClusterId: +)\S+/g, "{cluster.id}")
    .replaceAll(/(?<=HighWatermark: +)\d+/g, "<offset>")
    .replaceAll(/(?<=\[)\[.*\](?=\])/g, ownList)
    .replaceAll(/(?<=options?: |Valid states are: |Valid types are: ).*/g, ownList)
    .replaceAll(/[ \t]+/g, " ")
    .replaceAll(/ +$/gm, "")
    .trim()
  return ordered(step, same)
}

/** Which settings there are; their values are compared by the conformance tests. */
const settingNames = (text: string) =>
  text
    .split("\n")
    .map((line) => line.replace(/=.*/, ""))
    .join("\n")

const partitionsOf = (stdout: string): Array<string> =>
  Array.from(stdout.matchAll(/"partition":"([^"]+)"/g), ([, name = ""]) => name).toSorted()

function comparable(step: Step, { exit, stdout, stderr }: Printed) {
  const words = step.args ?? []
  const out = settled(step, stdout)
  const err = settled(step, withoutNoise(stderr))
  if (words.includes("--all") && exit === 0) return { exit, stdout: settingNames(out), stderr: err }
  if (step.tool === "kafka-log-dirs" && exit === 0) {
    return { exit, stdout: partitionsOf(out), stderr: err }
  }
  // Numbers of another log.
  if (words.includes("--replication") && exit === 0) {
    return { exit, stdout: out.split("\n")[0], stderr: err }
  }
  // The parser of that tool breaks its lines.
  if (step.tool === "kafka-metadata-quorum") {
    return { exit, stdout: out, stderr: err.replaceAll(/\s+/g, " ") }
  }
  return { exit, stdout: out, stderr: err }
}

const printed = (step: Step): Printed => ({
  exit: step.exit ?? 0,
  stdout: step.stdout ?? "",
  stderr: step.stderr ?? "",
})

/** Where ours is meant to differ, and why. */
const different: ReadonlyArray<readonly [pattern: RegExp, reason: string]> = [
  [/--from-file \{dir\}\/groups\.csv/, "Kafka's tool prints a stack trace for the longer format"],
  [/--time (-3|max-timestamp)/, "which record is the latest depends on the millisecond"],
  [/--offset-json-file \{dir\}\/d\.json/, "an unknown partition is told at once, not after 60 s"],
]

function isDifferent(step: Step): boolean {
  const words = `${step.tool} ${(step.args ?? []).join(" ")}`
  if (!different.some(([pattern]) => pattern.test(words))) return false
  return !words.includes("d.json") || step.stdout?.includes("missing-0") === true
}

/** Nothing comes on loopback that has not come by then. */
const impatient = (step: Step): Step => ({
  ...step,
  args: (step.args ?? []).map((word, i, words) =>
    words[i - 1] === "--timeout-ms" && Number(word) < 5000 ? "400" : word,
  ),
})

/** Kafka's brokers take an altered setting some time after they have answered. */
const isLate = (step: Step) =>
  target.name === "kafka" &&
  step.tool === "kafka-configs" &&
  step.args?.includes("--describe") === true

const isSame = (step: Step, ours: Printed) =>
  JSON.stringify(comparable(step, ours)) === JSON.stringify(comparable(step, printed(step)))

for (const session of sessions) {
  const path = join(import.meta.dir, `fixtures/kafka-tools/${session}.json`)
  test(`every step of ${session} prints what Kafka's tools print, and exits as they do`, async () => {
    const fixture: { readonly cases: ReadonlyArray<Step> } = await Bun.file(path).json()
    expect(fixture.cases.length).toBeGreaterThan(60)
    const run = new ToolSession(cluster.bootstrap)
    for (const step of fixture.cases) {
      let ours = await run.run(impatient(step))
      if (ours === undefined || isDifferent(step)) continue
      for (let tries = 0; isLate(step) && tries < 20 && !isSame(step, ours); tries++) {
        await Bun.sleep(100)
        ours = (await run.run(step)) ?? ours
      }
      const { tool, args } = step
      expect({ tool, args, ...comparable(step, ours) }).toEqual({
        tool,
        args,
        ...comparable(step, printed(step)),
      })
    }
    await run.dispose()
  }, 60_000)
}

const tool = (name: string, ...args: ReadonlyArray<string>) =>
  runCli(`kafka/${name}.ts`, ["--bootstrap-server", cluster.bootstrap, ...args])

/** Whichever test runs: the topic is there, with records. */
const lettersReady = async () => {
  await tool("topics", "--create", "--if-not-exists", "--topic", "letters", "--partitions", "1")
  await produceOne()
}

const produceOne = async () => {
  const child = Bun.spawn(
    [
      process.execPath,
      join(root, "src/cli/kafka/console-producer.ts"),
      "--bootstrap-server",
      cluster.bootstrap,
      "--topic",
      "letters",
    ],
    { stdin: new Blob(["x\n"]), stdout: "ignore", stderr: "ignore" },
  )
  expect(await child.exited).toBe(0)
}

const onceEach: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
  ["consumer-groups", ["--list"]],
  ["configs", ["--describe", "--topic", "letters"]],
  ["get-offsets", ["--topic", "letters"]],
  ["log-dirs", ["--describe"]],
  ["leader-election", ["--election-type", "preferred", "--all-topic-partitions"]],
  ["metadata-quorum", ["describe", "--status"]],
  ["console-producer", ["--topic", "letters"]],
  ["console-consumer", ["--topic", "letters", "--partition", "0", "--max-messages", "0"]],
]

/** What it takes of a processor: an idle machine answers in that time and the broker's. */
test.each(onceEach)("kafka-%s answers well under 200 ms", async (name, args) => {
  await lettersReady()
  const run = await tool(name, ...args)
  expect([run.exit, run.stderr.replace(/^Processed.*\n/, "")]).toEqual([0, ""])
  expect(run.cpuMs).toBeGreaterThan(1)
  expect(run.cpuMs).toBeLessThan(150)
})

const consumer = (...args: ReadonlyArray<string>) =>
  Bun.spawn(
    [
      process.execPath,
      join(root, "src/cli/kafka/console-consumer.ts"),
      "--bootstrap-server",
      cluster.bootstrap,
      ...args,
    ],
    { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  )

test("a signal ends the console consumer in order: it commits, leaves, counts", async () => {
  await lettersReady()
  const child = consumer("--topic", "letters", "--from-beginning", "--group", "signalled")
  const reader = child.stdout.getReader()
  await reader.read()
  child.kill("SIGTERM")
  expect(await child.exited).toBe(143)
  expect(await new Response(child.stderr).text()).toMatch(/Processed a total of \d+ messages\n$/)
  const described = await tool("consumer-groups", "--describe", "--group", "signalled")
  expect(described.stderr).toBe("\nConsumer group 'signalled' has no active members.\n")
  expect(described.stdout).toMatch(/letters +0 +(\d+) +\1 +0 /)
}, 30_000)

test("a console consumer whose reader has gone ends", async () => {
  const child = consumer("--topic", "letters", "--from-beginning", "--partition", "0")
  await child.stdout.cancel()
  await until("the consumer to notice", async () => {
    await produceOne()
    return child.exitCode !== null
  })
  expect(await new Response(child.stderr).text()).toContain("Unable to write to standard out")
}, 30_000)
