import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Cluster } from "../../scripts/harness/cluster.ts"
import { describeWith, kcat } from "../../scripts/harness/foreign.ts"
import { runOrThrow } from "../../scripts/harness/run.ts"
import { root, target } from "../../scripts/harness/target.ts"
import { until } from "../../scripts/harness/until.ts"

/** The README's first minute, pasted line by line; only addresses and the folder are replaced. */

const readme = readFileSync(join(root, "README.md"), "utf8")
const minute = readme.slice(readme.indexOf("## The first minute"), readme.indexOf("## What it"))
const blocks = Array.from(minute.matchAll(/```sh\n([^`]+)```/g), ([, text = ""]) =>
  text.trim().split("\n"),
)
const lines = blocks.flat()
const lineWith = (words: string) => {
  const line = lines.find((one) => one.includes(words))
  if (line === undefined) throw new Error(`the README no longer has a line with: ${words}`)
  return line
}

function pasted(): void {
  let cluster: Cluster

  beforeAll(async () => {
    cluster = await Cluster.start()
  }, 60_000)
  afterAll(async () => {
    await cluster?.dispose()
  }, 60_000)

  const here = (line: string) =>
    line
      .replaceAll("127.0.0.1:9092", `127.0.0.1:${cluster.broker(0).port}`)
      .replace(/(?<=varve -- (produce|consume|groups) .*)$/, ` --bootstrap ${cluster.bootstrap}`)
      .replaceAll(/\bdata\/broker/g, `${cluster.dir}/broker`)
      .replace("first-minute.ts", `first-minute.ts ${cluster.bootstrap} 24`)
      // Bun is on the path of whoever uses npx; here it is the one that runs the test.
      .replace(/^npx bun/, process.execPath)

  const paste = (line: string) => runOrThrow(["bash", "-c", here(line)])

  test("kcat lists, writes and reads", async () => {
    expect((await paste(lineWith("kcat -b 127.0.0.1:9092 -L"))).stdout).toContain("3 brokers")
    await paste(lineWith("kcat -b 127.0.0.1:9092 -P"))
    const { stdout } = await paste(lineWith("kcat -b 127.0.0.1:9092 -C"))
    expect(stdout).toBe("user-1 says hello, offset 0\n")
  }, 60_000)

  test("a broker is killed while the example writes; it goes on, and the broker comes back", async () => {
    const child = Bun.spawn(["bash", "-c", `exec ${here(lineWith("first-minute.ts"))}`], {
      cwd: root,
      stdout: "pipe",
      stderr: "pipe",
    })
    let said = ""
    const decoder = new TextDecoder()
    const reading = (async () => {
      for await (const chunk of child.stdout) said += decoder.decode(chunk, { stream: true })
    })()
    await until("the third greeting", () => said.includes("hello 3 is safe"), { timeoutMs: 20_000 })
    await paste(lineWith("kill -9"))
    expect(await child.exited).toBe(0)
    await reading
    expect(said.match(/is safe/g)?.length).toBe(24)

    const restart = Bun.spawn(["bash", "-c", `exec ${here(lineWith("start --config"))}`], {
      cwd: root,
      stdout: "ignore",
      stderr: "ignore",
    })
    await until("broker 0 to come back", () => cluster.isUp(0), { timeoutMs: 30_000 })
    await until("its answer", () => paste(lineWith("kcat -b 127.0.0.1:9092 -L")), {
      timeoutMs: 30_000,
      everyMs: 200,
    })
    process.kill(cluster.pidOf(0), "SIGTERM")
    await restart.exited
  }, 120_000)

  test("kafka-topics creates and describes", async () => {
    await cluster.startBroker(0)
    expect((await paste(lineWith("--create --topic orders"))).stdout).toContain("orders")
    const { stdout } = await paste(lineWith("--describe --topic orders"))
    expect(stdout).toContain("PartitionCount: 6")
  }, 60_000)

  test("records are written and read, and a group's lag is shown", async () => {
    expect((await paste(lineWith("produce orders"))).stdout).toContain("produced 2 records")
    const { stdout } = await paste(lineWith("consume orders"))
    expect(stdout).toContain("one")
    expect((await paste(lineWith("groups describe billing"))).stdout).toContain("lag in all: 0")
  }, 60_000)
}

describe.if(target.name === "varve")("the first minute", () => {
  describeWith([kcat], "pasted", pasted)
})
