/** Whoever is told to the guard ends with us, however we end; whoever is not told lives on. */
import { afterEach, expect, test } from "bun:test"
import { join } from "node:path"
import { until } from "../../../scripts/harness/until.ts"
import { ProcessGuard } from "../../../src/chaos/cluster/process-guard.ts"
import { processState, sendSignal } from "../../../src/chaos/cluster/process-state.ts"

const sleepers: Array<Bun.Subprocess> = []

function sleeper(): number {
  const child = Bun.spawn(["sleep", "60"], { detached: true })
  sleepers.push(child)
  return child.pid
}

afterEach(async () => {
  for (const child of sleepers.splice(0)) {
    child.kill("SIGKILL")
    await child.exited
  }
})

const gone = (pid: number) => until(`${pid} to end`, () => processState(pid) === "gone")

test("the state of a process is what the system says", async () => {
  const pid = sleeper()
  expect(processState(pid)).toBe("running")
  sendSignal(pid, "SIGSTOP")
  await until("it to stop", () => processState(pid) === "stopped")
  sendSignal(pid, "SIGCONT")
  await until("it to run", () => processState(pid) === "running")
  sendSignal(pid, "SIGKILL")
  await gone(pid)
  await sleepers[0]?.exited
  expect(sendSignal(pid, "SIGKILL")).toBe(false)
})

test("disposed of, it kills those that are left", async () => {
  const guard = new ProcessGuard()
  const [stays, removed] = [sleeper(), sleeper()]
  guard.add(stays)
  guard.add(removed)
  guard.remove(removed)
  await guard.dispose()
  await gone(stays)
  expect(processState(removed)).toBe("running")
})

test("killed with its owner, it has still done its work", async () => {
  const [first, removed, stopped] = [sleeper(), sleeper(), sleeper()]
  sendSignal(stopped, "SIGSTOP")
  const script = `
    const { ProcessGuard } = await import(${JSON.stringify(
      join(import.meta.dir, "../../../src/chaos/cluster/process-guard.ts"),
    )})
    const guard = new ProcessGuard()
    for (const pid of ${JSON.stringify([first, removed, stopped])}) guard.add(pid)
    guard.remove(${removed})
    await Bun.sleep(20)
    process.kill(process.pid, "SIGKILL")`
  const owner = Bun.spawn([process.execPath, "-e", script], { stderr: "inherit" })
  await owner.exited
  expect(owner.signalCode).toBe("SIGKILL")
  await Promise.all([gone(first), gone(stopped)])
  expect(processState(removed)).toBe("running")
})
