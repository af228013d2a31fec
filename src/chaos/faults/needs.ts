/** What a kind of fault needs of a cluster: known before there is one. */
import type { Capability } from "../cluster.ts"
import type { FaultKind } from "../fault.ts"
import { traits } from "./traits.ts"

const signals: ReadonlyArray<Capability> = ["signals"]
const peerLinks: ReadonlyArray<Capability> = ["peerLinks"]
const clientLinks: ReadonlyArray<Capability> = ["clientLinks"]

export const needsOf: Readonly<Record<FaultKind, ReadonlyArray<Capability>>> = {
  kill: signals,
  "kill-leader": signals,
  "kill-majority": signals,
  "kill-all": signals,
  "kill-starting": signals,
  "crash-loop": signals,
  "rolling-restart": signals,
  pause: signals,
  "pause-leader": signals,
  "partition-one": peerLinks,
  "partition-leader": peerLinks,
  "partition-halves": peerLinks,
  "partition-one-way": peerLinks,
  "partition-bridge": peerLinks,
  "partition-ring": peerLinks,
  "partition-clients": clientLinks,
  flapping: peerLinks,
  latency: clientLinks,
  bandwidth: peerLinks,
  resets: clientLinks,
  "peer-frames": ["peerFrames"],
  "lost-responses": clientLinks,
  power: ["signals", "power"],
  "fsync-error": ["signals", "storage"],
  "held-commits": ["signals", "storage"],
  "disk-full": ["signals", "storage"],
  "slow-disk": ["signals", "storage"],
  "bit-flips": ["signals", "files"],
  truncation: ["signals", "files"],
  "old-copy": ["signals", "files"],
  "wiped-disk": ["signals", "files"],
  "wiped-then-cut": ["signals", "files", "peerLinks"],
  transfers: ["transfer"],
  membership: ["membership"],
  "clock-jump": ["signals", "clock"],
  "zombie-producer": [],
  "consumer-pause": [],
}

const lacking: Readonly<Record<Capability, string>> = {
  signals: "its processes cannot be signalled",
  peerLinks: "links between its brokers do not go through the proxy",
  peerFrames: "the proxy cannot tell its brokers' messages apart",
  clientLinks: "links from clients do not go through the proxy",
  files: "its brokers' files may not be damaged",
  storage: "its brokers cannot be started over a storage layer that fails",
  power: "there is no shim that forgets what was not fsynced",
  clock: "there is no library that lies about the time",
  membership: "its replicas cannot be moved",
  transfer: "its leadership cannot be asked to move",
}

/** Why this kind cannot be tried on such a cluster, in one line; undefined when it can. */
export function impossibleHere(
  kind: FaultKind,
  nodes: number,
  capabilities: ReadonlySet<Capability> | undefined,
): string | undefined {
  const { nodesMin } = traits[kind]
  if (nodes < nodesMin) return `needs ${nodesMin} brokers, the cluster has ${nodes}`
  const missing = needsOf[kind].find((need) => capabilities?.has(need) === false)
  return missing === undefined ? undefined : `cannot be tried on this cluster: ${lacking[missing]}`
}
