/** What every client of a group workload stands on. */
import type { RunClock } from "../../clock.ts"
import type { ChaosNode } from "../../cluster.ts"
import type { OutcomeKind } from "../../history/history.ts"
import type { Recorder } from "../../history/recorder.ts"
import { errorName } from "../../../protocol/error-codes.ts"
import { connectTo, Links } from "../raw/links.ts"

export interface GroupPorts {
  readonly nodes: ReadonlyArray<ChaosNode>
  readonly clock: RunClock
  readonly recorder: Recorder
  /** Shared by the clients of a run: no two connections have the same number. */
  readonly connections: { next: number }
  /** Records that a member was given. */
  readonly read: (records: number) => void
  readonly log: (line: string) => void
}

const connectMs = 3000

/** New connections, through the proxy. */
export const linksOf = ({ nodes, connections }: GroupPorts, clientId: string): Links => {
  const addresses = new Map(nodes.map(({ id, address }) => [id, address]))
  return new Links(connectTo(addresses, clientId, connectMs), connections)
}

/** An outcome without what the broker said. */
export const toldOf = (
  outcome: Exclude<OutcomeKind, "pending">,
  node: number,
  connection: number,
  error = "",
) => ({ outcome, node, connection, attempts: 1, error })

/** As it stands in a history: "" for none. */
export const errorText = (code: number): string => (code === 0 ? "" : errorName(code))
