/** Where brokers are, and where the proxy stands for them. */
import { join } from "node:path"
import type { ChaosNode, Endpoint } from "../cluster.ts"

const host = "127.0.0.1"

/** The port of that number, on this machine. */
export function endpoint(port: number | undefined): Endpoint {
  if (port === undefined) throw new Error("too few ports")
  return { host, port }
}

export const formatEndpoint = ({ host: name, port }: Endpoint): string => `${name}:${port}`

export interface NodeNames {
  /** Of the run. */
  readonly dir: string
  readonly id: number
}

export const folderOf = ({ dir, id }: NodeNames): string => join(dir, `broker-${id}`)

/** What a broker says on standard output and error, of all its starts; beside its data. */
export const outputOf = ({ dir, id }: NodeNames): string => join(dir, `broker-${id}.out`)

/** Node i has two of the ports, 2i for the proxy and 2i + 1 for itself. */
export function nodesAt(
  dir: string,
  ports: ReadonlyArray<number>,
  logFileOf: (names: NodeNames) => string,
): ReadonlyArray<ChaosNode> {
  return Array.from({ length: ports.length / 2 }, (_, id) => ({
    id,
    address: endpoint(ports[2 * id]),
    direct: endpoint(ports[2 * id + 1]),
    dir: folderOf({ dir, id }),
    logFile: logFileOf({ dir, id }),
  }))
}

/** Every ordered pair of two brokers. */
export const directedPairs = (
  nodes: ReadonlyArray<ChaosNode>,
): ReadonlyArray<{ readonly from: ChaosNode; readonly to: ChaosNode }> =>
  nodes.flatMap((from) => nodes.filter((to) => to.id !== from.id).map((to) => ({ from, to })))
