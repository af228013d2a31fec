/** What the machine itself says of a process, and what a broker's port says of the broker. */
import { apiVersions } from "../../protocol/messages/api-versions.ts"
import { ClientConnection } from "../../client/index.ts"
import type { Endpoint } from "../cluster.ts"
import { processState } from "../cluster/process-state.ts"
import type { ProcessState } from "../cluster/process-state.ts"

export interface Probes {
  processState(pid: number): Promise<ProcessState>
  /**
   * Milliseconds from a request to its answer on a connection made for it; undefined when there was
   * no connection or no answer in time.
   */
  answerMs(endpoint: Endpoint, timeoutMs: number): Promise<number | undefined>
}

export const machineProbes: Probes = {
  processState: (pid) => Promise.resolve(processState(pid)),
  answerMs,
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
