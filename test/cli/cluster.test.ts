import { afterEach, expect, test } from "bun:test"
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Cluster } from "../../scripts/harness/cluster.ts"
import { freePortBlock } from "../../scripts/harness/ports.ts"
import { root } from "../../scripts/harness/target.ts"
import { until } from "../../scripts/harness/until.ts"
import { parseDiskUuids, readBrokerJson } from "../../src/broker/broker-json.ts"
import { isAlive } from "../../src/cli/processes.ts"
import { Client, produceRecords, readAll } from "../../src/client/index.ts"
import { createTopics } from "../../src/protocol/messages/create-topics.ts"
import { runCli } from "../support/run-cli.ts"

const clusters: Cluster[] = []
const folders: string[] = []
const strays: number[] = []

afterEach(async () => {
  for (const cluster of clusters.splice(0)) await cluster.dispose()
  for (const pid of strays.splice(0)) if (isAlive(pid)) process.kill(pid, "SIGKILL")
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

async function start(options: Parameters<typeof Cluster.start>[0] = {}): Promise<Cluster> {
  const cluster = await Cluster.start(options)
  clusters.push(cluster)
  return cluster
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "varve-cli-"))
  folders.push(folder)
  return folder
}

function clientOf(cluster: Cluster): Client {
  return new Client({ bootstrap: cluster.brokers.map(({ port }) => ({ host: "127.0.0.1", port })) })
}

interface Running {
  readonly child: Bun.Subprocess<"ignore", "pipe", "pipe">
  readonly pids: ReadonlyArray<number>
  readonly dir: string
  readonly port: number
}

/** `varve cluster` started in some way of its own; waits for `ready`. */
async function launch(command: LaunchCommand, nodes: number): Promise<Running> {
  const dir = newFolder()
  const port = await freePortBlock(2 * nodes)
  const child = Bun.spawn([...command(dir, port)], {
    cwd: root,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })
  strays.push(child.pid)
  let output = ""
  void (async () => {
    for await (const chunk of child.stdout) output += Buffer.from(chunk).toString()
  })()
  void new Response(child.stderr).text()
  await until("ready", () => /^ready/m.test(output))
  const pids = readdirSync(dir).map((name) =>
    Number(readFileSync(join(dir, name, "broker.pid"), "utf8")),
  )
  strays.push(...pids)
  return { child, pids, dir, port }
}

const main = join(root, "src/cli/main.ts")
const clusterArgs = (dir: string, port: number, nodes: number) =>
  `cluster --nodes ${nodes} --dir ${dir} --port ${port} --http-port ${port + nodes}`

type LaunchCommand = (dir: string, port: number) => ReadonlyArray<string>

const direct =
  (nodes: number, ...more: ReadonlyArray<string>): LaunchCommand =>
  (dir, port) => [process.execPath, main, ...clusterArgs(dir, port, nodes).split(" "), ...more]

const likeNpm =
  (nodes: number): LaunchCommand =>
  (dir, port) => ["sh", "-c", `exec ${process.execPath} ${main} ${clusterArgs(dir, port, nodes)}`]

test("SIGTERM to the cluster, or to a shell that runs it as npm does, leaves nothing running", async () => {
  for (const command of [direct(2), likeNpm(2)]) {
    const { child, pids } = await launch(command, 2)
    expect(pids.length).toBe(2)
    expect(pids.every(isAlive)).toBe(true)
    child.kill("SIGTERM")
    expect(await child.exited).toBe(0)
    expect(pids.filter(isAlive)).toEqual([])
  }
}, 30_000)

test("SIGINT twice at once, as npm and the terminal send it, is one: exit 0", async () => {
  const { child, pids } = await launch(direct(1), 1)
  child.kill("SIGINT")
  child.kill("SIGINT")
  expect(await child.exited).toBe(0)
  expect(pids.filter(isAlive)).toEqual([])
})

test("brokers run in sessions of their own, and stop when their supervisor is killed", async () => {
  const { child, pids } = await launch(direct(2), 2)
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")
    expect(Number(stat?.[3])).toBe(pid)
  }
  child.kill("SIGKILL")
  await until("the orphans to stop", () => !pids.some(isAlive))
}, 30_000)

test("a killed broker stays down; varve start brings it back; SIGTERM to the cluster stops that one too", async () => {
  const cluster = await start({ nodes: 3 })
  await cluster.kill(1)
  const log = join(cluster.broker(1).dir, "broker.log")
  const before = readFileSync(log, "utf8")
  await Bun.sleep(300)
  expect([cluster.isUp(1), readFileSync(log, "utf8")]).toEqual([false, before])
  await cluster.startBroker(1)
  const pid = cluster.pidOf(1)
  expect(isAlive(pid)).toBe(true)
  expect(await cluster.stop()).toBe(0)
  expect(isAlive(pid)).toBe(false)
}, 30_000)

test.skipIf(process.platform !== "linux")(
  "a supervisor whose brokers are all gone rests until it is told to stop",
  async () => {
    const { child, pids } = await launch(direct(1), 1)
    process.kill(pids[0] ?? 0, "SIGKILL")
    await until("the broker to be gone", () => !isAlive(pids[0] ?? 0))
    const cpuTicks = () => {
      const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(" ")
      return Number(fields[13]) + Number(fields[14])
    }
    const before = cpuTicks()
    const begunMs = performance.now()
    await until("half a second to pass", () => performance.now() - begunMs > 500)
    // A tick is 10 ms: an event loop that polls without pause takes about fifty of them.
    expect(cpuTicks() - before).toBeLessThan(15)
    child.kill("SIGTERM")
    expect(await child.exited).toBe(0)
  },
  30_000,
)

test("a cluster whose folder was removed stops by a signal all the same", async () => {
  const { child, pids, dir } = await launch(direct(1), 1)
  rmSync(dir, { recursive: true, force: true })
  child.kill("SIGTERM")
  expect(await child.exited).toBe(0)
  expect(pids.some(isAlive)).toBe(false)
}, 30_000)

test("--restart brings a killed broker back", async () => {
  const { child, pids, dir } = await launch(direct(1, "--restart"), 1)
  process.kill(pids[0] ?? 0, "SIGKILL")
  const pidNow = () => Number(readFileSync(join(dir, "broker-0", "broker.pid"), "utf8"))
  await until("another process", () => pidNow() !== pids[0] && isAlive(pidNow()))
  strays.push(pidNow())
  child.kill("SIGTERM")
  expect(await child.exited).toBe(0)
  expect(isAlive(pidNow())).toBe(false)
}, 30_000)

test("a restart has all the data, also after every broker was killed; settings are written anew, the identity is not", async () => {
  const cluster = await start({ nodes: 3, settings: { "num.partitions": "2" } })
  const identity = () =>
    cluster.brokers.map(({ dir }) => {
      const { "cluster.id": id, "varve.disk.uuids": disks } = readBrokerJson(
        join(dir, "broker.json"),
      )
      return [id, disks, readFileSync(join(dir, "identity.json"), "utf8")]
    })
  const before = identity()
  let client = clientOf(cluster)
  for (let i = 0; i < 20; i++) {
    await produceRecords(client, [{ value: `v${i}` }], { topic: "kept", partition: i % 2 })
  }
  client.close()
  for (const stop of [() => cluster.stop(), () => cluster.killAll()]) {
    await stop()
    await cluster.up()
    client = clientOf(cluster)
    for (const partition of [0, 1]) {
      const values = (await readAll(client, { topic: "kept", partition })).map((r) =>
        String(r.value),
      )
      expect(values).toEqual(Array.from({ length: 10 }, (_, i) => `v${2 * i + partition}`))
    }
    client.close()
  }
  expect(identity()).toEqual(before)
  const json = readBrokerJson(join(cluster.broker(0).dir, "broker.json"))
  expect(json).toMatchObject({
    "num.partitions": "2",
    "default.replication.factor": "3",
    "group.initial.rebalance.delay.ms": "0",
  })
}, 60_000)

test("a broker whose folder was removed comes back with a new disk, behind the founders", async () => {
  const cluster = await start({ nodes: 3 })
  await cluster.stop()
  const disks = (id: number) =>
    parseDiskUuids(
      readBrokerJson(join(cluster.broker(id).dir, "broker.json"))["varve.disk.uuids"] ?? "",
    ) ?? []
  const founders = disks(0)
  rmSync(cluster.broker(2).dir, { recursive: true })
  await cluster.up()
  for (const id of [0, 1, 2]) {
    expect(disks(id).slice(0, 3)).toEqual([...founders])
    expect(disks(id).length).toBe(4)
    expect(disks(id)[3]?.nodeId).toBe(2)
  }
  const own: unknown = JSON.parse(
    readFileSync(join(cluster.broker(2).dir, "identity.json"), "utf8"),
  )
  expect(own).toMatchObject({ nodeId: 2, diskUuid: disks(0)[3]?.diskUuid })
  const client = clientOf(cluster)
  const topics = [{ name: "after", numPartitions: 3, replicationFactor: 3 }]
  expect((await client.ask(createTopics, { topics })).topics[0]?.errorCode).toBe(0)
  client.close()
}, 60_000)

test("a second process on the same folder is refused, naming the first", async () => {
  const cluster = await start({ nodes: 1 })
  const pid = cluster.pidOf(0)
  const second = await runCli("main.ts", [
    "start",
    "--config",
    join(cluster.broker(0).dir, "broker.json"),
  ])
  expect(second.exit).toBe(1)
  expect(second.stderr).toContain(`is in use by process ${pid}`)
  expect(second.stdout).toBe("")
  expect(cluster.pidOf(0)).toBe(pid)
  expect(isAlive(pid)).toBe(true)
})

test("wrong usage: one line, exit 2, and nothing is made", async () => {
  const dir = join(newFolder(), "data")
  for (const [args, line] of [
    [["--bogus"], "unknown flag --bogus"],
    [["extra"], "unknown flag extra"],
    [["--nodes", "0"], '--nodes has the value "0"; expected a whole number from 1'],
    [["--port", "x"], '--port has the value "x"'],
    [["--nodes"], "--nodes needs a value"],
    [["--set", "num.partitions"], "--set num.partitions: expected key=value"],
    [["--set", "num.partitions=x"], 'num.partitions has the value "x"; expected a whole number'],
    [["--set", "no.such=1"], "unknown setting no.such"],
  ] as const) {
    const run = await runCli("main.ts", ["cluster", "--dir", dir, ...args])
    expect([args, run.exit]).toEqual([args, 2])
    expect(run.stderr).toContain(line)
    expect(run.stderr.trim().split("\n").length).toBe(1)
  }
  expect(existsSync(dir)).toBe(false)
}, 30_000)

test("a wrong setting in the environment or in broker.json stops the start with the key, value and expectation", async () => {
  const dir = newFolder()
  const port = await freePortBlock(2)
  const args = [
    "cluster",
    "--nodes",
    "1",
    "--dir",
    dir,
    "--port",
    String(port),
    "--http-port",
    String(port + 1),
  ]
  const run = await runCli("main.ts", args, { VARVE_NUM_PARTITIONS: "few" })
  expect(run.exit).toBe(2)
  expect(run.stderr).toContain(
    'setting num.partitions has the value "few"; expected a whole number from 1',
  )
})

test("an address in use ends the cluster with a line and leaves nothing running", async () => {
  const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } })
  const dir = newFolder()
  const httpPort = await freePortBlock(2)
  const args = [
    "cluster",
    "--nodes",
    "1",
    "--dir",
    dir,
    "--port",
    String(taken.port),
    "--http-port",
    String(httpPort),
  ]
  const run = await runCli("main.ts", args)
  taken.stop(true)
  expect(run.exit).toBe(1)
  expect(run.stderr).toContain(`cannot listen on 127.0.0.1:${taken.port}`)
  expect(existsSync(join(dir, "broker-0", "broker.pid"))).toBe(false)
})

test("--fresh removes the brokers and nothing else; a cluster cannot change its size", async () => {
  const dir = newFolder()
  const port = await freePortBlock(4)
  await Bun.write(join(dir, "notes.txt"), "mine")
  const up = async (...more: ReadonlyArray<string>) => {
    const child = Bun.spawn(
      [process.execPath, main, ...clusterArgs(dir, port, 1).split(" "), ...more],
      { stdin: "ignore", stdout: "pipe", stderr: "ignore" },
    )
    strays.push(child.pid)
    const reader = child.stdout.getReader()
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toStartWith("ready")
    child.kill("SIGTERM")
    expect(await child.exited).toBe(0)
    return readBrokerJson(join(dir, "broker-0", "broker.json"))["cluster.id"]
  }
  const first = await up()
  expect(await up()).toBe(first)
  const resized = await runCli("main.ts", ["cluster", "--dir", dir, "--nodes", "2"])
  expect([resized.exit, resized.stderr]).toEqual([
    2,
    expect.stringContaining("holds a cluster of 1"),
  ])
  expect(await up("--fresh")).not.toBe(first)
  expect(readFileSync(join(dir, "notes.txt"), "utf8")).toBe("mine")
}, 30_000)
