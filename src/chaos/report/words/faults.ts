/** What each fault does, for the table and the legend of the timeline. */
import type { FaultKind } from "../../fault.ts"

/** Named by what it strikes; also the colour in all pictures. */
export type FaultFamily = "process" | "network" | "disk" | "cluster" | "client"

export const familyNames: Readonly<Record<FaultFamily, string>> = {
  process: "processes",
  network: "network",
  disk: "disks",
  cluster: "cluster",
  client: "clients and clocks",
}

export interface FaultWords {
  readonly family: FaultFamily
  readonly text: string
}

const words: Readonly<Partial<Record<FaultKind, FaultWords>>> = {
  kill: { family: "process", text: "a broker is ended at once (SIGKILL) and started again later" },
  "kill-leader": {
    family: "process",
    text: "a broker that leads is ended at once and started again later",
  },
  "kill-majority": { family: "process", text: "more than half of the brokers are ended at once" },
  "kill-all": { family: "process", text: "every broker is ended at once" },
  "kill-starting": { family: "process", text: "a broker is ended while it starts" },
  "crash-loop": { family: "process", text: "a broker is started and ended again and again" },
  "rolling-restart": { family: "process", text: "one broker after the other is restarted" },
  pause: { family: "process", text: "a broker stands still (SIGSTOP) and then goes on" },
  "pause-leader": { family: "process", text: "a broker that leads stands still and then goes on" },
  "partition-one": { family: "network", text: "one broker is cut off from the others" },
  "partition-leader": { family: "network", text: "a leading broker is cut off from the others" },
  "partition-halves": { family: "network", text: "the brokers are split into two groups" },
  "partition-one-way": { family: "network", text: "a link works in one direction only" },
  "partition-bridge": {
    family: "network",
    text: "two groups that can reach each other only by one broker in both",
  },
  "partition-ring": { family: "network", text: "each broker reaches only its neighbours" },
  "partition-clients": { family: "network", text: "clients are cut off from some brokers" },
  flapping: { family: "network", text: "a link breaks and works again, over and over" },
  latency: { family: "network", text: "links become slow" },
  bandwidth: { family: "network", text: "links become narrow" },
  resets: { family: "network", text: "connections are torn down" },
  "peer-frames": {
    family: "network",
    text: "single messages between brokers are held back, doubled or overtaken",
  },
  "lost-responses": {
    family: "network",
    text: "answers are lost, so that clients cannot know what became of their requests",
  },
  power: { family: "disk", text: "power loss: what was not yet flushed to disk is gone" },
  "fsync-error": { family: "disk", text: "flushing to disk fails" },
  "held-commits": { family: "disk", text: "transactions are held back before the disk" },
  "disk-full": { family: "disk", text: "no space is left" },
  "slow-disk": { family: "disk", text: "the disk takes its time" },
  "bit-flips": { family: "disk", text: "bits of a stopped broker's files are turned over" },
  truncation: { family: "disk", text: "a stopped broker's file loses its end" },
  "old-copy": { family: "disk", text: "a stopped broker gets an older copy of its files" },
  "wiped-disk": { family: "disk", text: "a stopped broker loses all its data" },
  "wiped-then-cut": {
    family: "disk",
    text: "a broker loses its data, and who alone has it is cut off before that is repaired",
  },
  transfers: { family: "cluster", text: "leadership is handed around again and again" },
  membership: { family: "cluster", text: "replicas are moved, added and taken away" },
  "clock-jump": { family: "client", text: "a broker's clock is wrong" },
  "zombie-producer": {
    family: "client",
    text: "a producer that was replaced goes on sending",
  },
  "consumer-pause": {
    family: "client",
    text: "a consumer stands still longer than its group waits",
  },
}

/** A kind that is newer than its words is shown by its name alone. */
export const faultWords = (kind: FaultKind): FaultWords =>
  words[kind] ?? { family: "cluster", text: "" }
