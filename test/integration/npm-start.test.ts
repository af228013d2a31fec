import { afterEach, describe, expect, test } from "bun:test"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { isRunning } from "../../scripts/harness/cluster.ts"
import { withAdmin } from "../../scripts/harness/layout.ts"
import { freePortBlock } from "../../scripts/harness/ports.ts"
import { flags } from "../../scripts/harness/run.ts"
import { root, target } from "../../scripts/harness/target.ts"
import { until } from "../../scripts/harness/until.ts"

/** `npm start` as a person runs it: what it prints, what it leaves behind when it is ended. */

const dirs: Array<string> = []
const children: Array<Bun.Subprocess> = []

afterEach(() => {
  for (const dir of dirs) {
    for (const pid of pidsIn(dir)) if (isRunning(pid)) process.kill(pid, "SIGKILL")
    rmSync(dir, { recursive: true, force: true })
  }
  for (const child of children) child.kill("SIGKILL")
  dirs.length = 0
  children.length = 0
})

const pidsIn = (dir: string) =>
  [0, 1, 2].flatMap((id) => {
    const file = join(dir, `broker-${id}`, "broker.pid")
    return existsSync(file) ? [Number(readFileSync(file, "utf8"))] : []
  })

async function npmStart(command: ReadonlyArray<string>) {
  const dir = mkdtempSync(join(tmpdir(), "varve-start-"))
  dirs.push(dir)
  const port = await freePortBlock(6)
  const started = performance.now()
  const words = flags({ dir, port, "http-port": port + 3 })
  const child = Bun.spawn([...command, ...words], { cwd: root, stdout: "pipe", stderr: "ignore" })
  children.push(child)
  let out = ""
  const decoder = new TextDecoder()
  void (async () => {
    for await (const chunk of child.stdout) out += decoder.decode(chunk, { stream: true })
  })()
  await until("ready", () => /^ready/m.test(out), { timeoutMs: 20_000, everyMs: 5 })
  const bootstrap = [0, 1, 2].map((id) => `127.0.0.1:${port + id}`)
  return { child, dir, bootstrap, readyMs: performance.now() - started }
}

const commands: ReadonlyArray<readonly [name: string, command: ReadonlyArray<string>]> = [
  ["npm start", ["npm", "--silent", "start", "--"]],
  ["bun start", [process.execPath, "start"]],
]

describe.if(target.name === "varve" && process.platform === "linux")("the start command", () => {
  for (const [name, command] of commands) {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      test(`${name}: three brokers; ${signal} to the parent leaves nothing running`, async () => {
        const { child, dir, bootstrap, readyMs } = await npmStart(command)
        console.log(`${name}: ready after ${Math.round(readyMs)} ms`)
        const { brokers } = await withAdmin(bootstrap, (admin) => admin.describeCluster())
        expect(brokers.map((broker) => broker.nodeId)).toEqual([0, 1, 2])
        const pids = pidsIn(dir)
        expect(pids.length).toBe(3)
        child.kill(signal)
        await child.exited
        await until("every broker to end", () => !pids.some(isRunning), { timeoutMs: 15_000 })
      }, 60_000)
    }
  }
})
