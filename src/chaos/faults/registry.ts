/** Every fault there is, by its kind. */
import { diskFaults } from "../disk/faults.ts"
import type { Fault, FaultKind } from "../fault.ts"
import { consumerPause, zombieProducer } from "./clients.ts"
import { flapping } from "./flapping.ts"
import { lostResponses, peerFrames } from "./frames.ts"
import { killFaults } from "./kill.ts"
import { membership } from "./membership.ts"
import { partitionFaults } from "./partition.ts"
import { pauseFaults } from "./pause.ts"
import { resets } from "./resets.ts"
import { rollingRestart } from "./rolling-restart.ts"
import { bandwidth, latency } from "./slow-links.ts"
import { crashLoop, killStarting } from "./starting.ts"
import { realTools } from "./tools.ts"
import type { FaultTools } from "./tools.ts"
import { transfers } from "./transfers.ts"

export function allFaults(tools: FaultTools = realTools): ReadonlyMap<FaultKind, Fault> {
  const faults: ReadonlyArray<Fault> = [
    ...killFaults(tools),
    killStarting,
    crashLoop(tools),
    rollingRestart(tools),
    ...pauseFaults(tools),
    ...partitionFaults(tools),
    flapping,
    latency(tools),
    bandwidth,
    resets,
    peerFrames,
    lostResponses,
    transfers(tools),
    membership(tools),
    consumerPause(tools),
    zombieProducer,
    ...diskFaults,
  ]
  return new Map(faults.map((fault) => [fault.kind, fault]))
}
