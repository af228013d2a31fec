import { afterEach, expect, test } from "bun:test"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePortBlock } from "../../scripts/harness/ports.ts"
import { root } from "../../scripts/harness/target.ts"
import { readBrokerJson } from "../../src/broker/broker-json.ts"
import { Client, produceRecords, readAll } from "../../src/client/index.ts"
import { runCli } from "../support/run-cli.ts"

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "varve-start-"))
  folders.push(folder)
  return folder
}

async function startBroker(dir: string, port: number, ...more: ReadonlyArray<string>) {
  const child = Bun.spawn(
    [
      process.execPath,
      join(root, "src/cli/main.ts"),
      "start",
      "--dir",
      dir,
      "--port",
      String(port),
      "--http-port",
      String(port + 1),
      ...more,
    ],
    { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  )
  const first = Buffer.from((await child.stdout.getReader().read()).value ?? []).toString()
  expect(first).toStartWith("ready")
  return child
}

test("alone on an empty folder a broker forms a cluster of one, and finds its data again", async () => {
  const dir = join(newFolder(), "broker-0")
  const port = await freePortBlock(2)
  let clusterId: string | undefined
  for (let round = 0; round < 2; round++) {
    const child = await startBroker(dir, port)
    expect(readFileSync(join(dir, "broker.pid"), "utf8").trim()).toBe(String(child.pid))
    const client = new Client({ bootstrap: [{ host: "127.0.0.1", port }] })
    if (round === 0) await produceRecords(client, [{ value: "v" }], { topic: "t", partition: 0 })
    expect((await readAll(client, { topic: "t", partition: 0 })).length).toBe(1)
    clusterId ??= (await client.metadata([])).clusterId ?? undefined
    expect((await client.metadata([])).clusterId).toBe(clusterId ?? "")
    client.close()
    child.kill("SIGTERM")
    expect(await child.exited).toBe(0)
    expect(existsSync(join(dir, "broker.pid"))).toBe(false)
  }
  expect(readBrokerJson(join(dir, "broker.json"))["cluster.id"]).toBe(clusterId ?? "")
}, 30_000)

test("--set is taken; what the file of another start says is not needed", async () => {
  const dir = newFolder()
  const port = await freePortBlock(2)
  const child = await startBroker(dir, port, "--set", "num.partitions=5")
  const client = new Client({ bootstrap: [{ host: "127.0.0.1", port }] })
  await produceRecords(client, [{ value: "v" }], { topic: "auto", partition: 4 })
  expect((await client.metadata(["auto"])).topics[0]?.partitions.length).toBe(5)
  client.close()
  child.kill("SIGINT")
  expect(await child.exited).toBe(0)
})

test("a folder with other things in it forms no cluster", async () => {
  const dir = newFolder()
  writeFileSync(join(dir, "thesis.txt"), "")
  const run = await runCli("main.ts", ["start", "--dir", dir])
  expect(run.exit).toBe(1)
  expect(run.stderr).toContain("a new cluster is formed on an empty folder only")
})

test("another address than loopback needs --insecure", async () => {
  const dir = newFolder()
  const run = await runCli("main.ts", ["start", "--dir", dir, "--host", "0.0.0.0"])
  expect(run.exit).toBe(2)
  expect(run.stderr).toContain("refusing to listen on 0.0.0.0")
})

test("a folder of another broker, or without its identity, is refused", async () => {
  const dir = newFolder()
  const port = await freePortBlock(2)
  const child = await startBroker(dir, port)
  child.kill("SIGTERM")
  await child.exited
  const config = join(dir, "broker.json")
  const json = readBrokerJson(config)
  writeFileSync(config, JSON.stringify({ ...json, "cluster.id": "another" }))
  const foreign = await runCli("main.ts", ["start", "--config", config])
  expect([foreign.exit, foreign.stderr]).toEqual([
    1,
    expect.stringContaining("belongs to broker 0 of cluster"),
  ])
  writeFileSync(config, JSON.stringify({ ...json, "varve.disk.uuids": `0@${"0".repeat(32)}` }))
  const unknown = await runCli("main.ts", ["start", "--config", config])
  expect([unknown.exit, unknown.stderr]).toEqual([
    1,
    expect.stringContaining("does not name this broker's disk"),
  ])
  writeFileSync(config, JSON.stringify(json))
  rmSync(join(dir, "identity.json"))
  const lost = await runCli("main.ts", ["start", "--config", config])
  expect([lost.exit, lost.stderr]).toEqual([1, expect.stringContaining("has no identity.json")])
}, 30_000)

test("--config beside flags that say the same is wrong usage; a missing file is one line", async () => {
  const both = await runCli("main.ts", ["start", "--config", "x.json", "--port", "1"])
  expect([both.exit, both.stderr]).toEqual([
    2,
    expect.stringContaining("--port cannot be given beside --config"),
  ])
  const missing = await runCli("main.ts", ["start", "--config", "/no/such/broker.json"])
  expect([missing.exit, missing.stderr.trim().split("\n").length]).toEqual([1, 1])
})

test("a log that cannot be written stops the broker: nothing is acknowledged after it, exit 1, a plain line", async () => {
  const dir = newFolder()
  const port = await freePortBlock(2)
  const broker = `${process.execPath} ${join(root, "src/cli/main.ts")} start --dir ${dir}`
  const child = Bun.spawn(
    // 6 MB a file; without the trap the kernel would kill the process, not refuse the write.
    [
      "sh",
      "-c",
      `trap '' XFSZ; ulimit -f 12000; exec ${broker} --port ${port} --http-port ${port + 1}`,
    ],
    { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  )
  await child.stdout.getReader().read()
  const client = new Client({ bootstrap: [{ host: "127.0.0.1", port }], requestTimeoutMs: 5000 })
  let acknowledged = 0
  const produce = async () => {
    for (; acknowledged < 100; acknowledged++) {
      await produceRecords(client, [{ value: Buffer.alloc(500_000, acknowledged) }], {
        topic: "t",
        partition: 0,
        timeoutMs: 5000,
      })
    }
  }
  expect(
    await produce().then(
      () => "done",
      () => "failed",
    ),
  ).toBe("failed")
  client.close()
  const stderr = await new Response(child.stderr).text()
  expect(await child.exited).toBe(1)
  expect(stderr).toContain("stopped: the log cannot be written")
  const again = await startBroker(dir, port)
  const reader = new Client({ bootstrap: [{ host: "127.0.0.1", port }] })
  expect((await readAll(reader, { topic: "t", partition: 0 })).length).toBeGreaterThanOrEqual(
    acknowledged,
  )
  reader.close()
  again.kill("SIGTERM")
  await again.exited
}, 30_000)
