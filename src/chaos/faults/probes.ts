/** What the machine itself says of a process, and what a broker's port says of the broker. */
import { readFile } from "node:fs/promises"
import { apiVersions } from "../../protocol/messages/api-versions.ts"
import { ClientConnection } from "../../client/index.ts"
import type { Endpoint } from "../cluster.ts"

export type ProcessState = "gone" | "stopped" | "running"

export interface Probes {
  processState(pid: number): Promise<ProcessState>
  /**
   * Milliseconds from a request to its answer on a connection made for it; undefined when there was
   * no connection or no answer in time.
   */
  answerMs(endpoint: Endpoint, timeoutMs: number): Promise<number | undefined>
}

export const machineProbes: Probes = {
  processState: (pid) => (process.platform === "linux" ? stateByProc(pid) : stateByPs(pid)),
  answerMs,
}

/** The state is the first letter behind the command's name, which may hold anything. */
async function stateByProc(pid: number): Promise<ProcessState> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8")
    return stateOf(stat.slice(stat.lastIndexOf(")") + 2))
  } catch {
    return "gone"
  }
}

async function stateByPs(pid: number): Promise<ProcessState> {
  const ps = Bun.spawn(["ps", "-o", "state=", "-p", String(pid)], { stderr: "ignore" })
  return stateOf((await new Response(ps.stdout).text()).trim())
}

function stateOf(text: string): ProcessState {
  const letter = text.at(0)?.toUpperCase()
  if (letter === undefined || letter === "Z" || letter === "X") return "gone"
  return letter === "T" ? "stopped" : "running"
}

async function answerMs(endpoint: Endpoint, timeoutMs: number): Promise<number | undefined> {
  let connection: ClientConnection | undefined
  try {
    connection = await ClientConnection.connectRaw({ ...endpoint, clientId: "probe", timeoutMs })
    const askedMs = performance.now()
    await connection.request(apiVersions, {}, { version: 0 })
    return performance.now() - askedMs
  } catch {
    return undefined
  } finally {
    connection?.close()
  }
}
