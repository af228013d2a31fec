/** The broker node as the rim sees it; the machine itself is broker-node.ts. */
import type { LogIndex } from "../../raft/types.ts"
import type { CommitNumber, GroupId } from "../../storage/wal.ts"
import type { PeerFrame } from "../peer/codec.ts"
import type { Admission } from "./admission.ts"
import type { Served } from "./advertised.ts"
import type { ClientRequest, Hello, NodeOptions, NodePorts, NodeStatus } from "./ports.ts"

export type * from "./ports.ts"
export type { Admission } from "./admission.ts"
export type { Served } from "./advertised.ts"
export { advertisedApis } from "./advertised.ts"
export { defaultNodeSettings } from "./ports.ts"

/** `nowMs` is how time passes: monotonic, no wall clock moves it. Only differences mean anything. */
export interface BrokerMachine {
  start(nowMs: number): void
  /**
   * Every `settings.tickMs`; late calls are taken as a pause of this process, not as silence of its
   * peers.
   */
  tick(nowMs: number): void
  /**
   * The link we dialled is up and the other end said who it is (its Hello answers ours). Refused:
   * close the link.
   */
  peerConnected(nodeId: number, hello: Hello, nowMs: number): Admission
  /**
   * Somebody dialled us and said who it is. Accepted: answer with `hello()`, then its frames may be
   * fed in.
   */
  peerHello(nodeId: number, hello: Hello, nowMs: number): Admission
  /** The link we dialled closed, or a dial failed; `refused`: nobody listens there. */
  peerClosed(nodeId: number, refused: boolean, nowMs: number): void
  peerFrame(nodeId: number, frame: PeerFrame, nowMs: number): void
  /** Whether the rim may decode and hand over that request at all. */
  served(apiKey: number, apiVersion: number): Served
  request(token: number, request: ClientRequest, nowMs: number): void
  /** The connection went away: forget what waits for it. */
  cancel(token: number): void
  durable(through: CommitNumber, nowMs: number): void
  /**
   * Once after each batch of the above. True: work is left, call again soon (a later tick does
   * too).
   */
  flush(nowMs: number): boolean
  /** How this broker introduces itself to that node: what it holds, and what it remembers of it. */
  hello(to: number): Hello
  /**
   * The metadata group is led, this broker is registered, and everything assigned to it has a
   * leader.
   */
  readonly ready: boolean
  /**
   * Why this broker must not run at all, as one plain line; null when it may. Known as soon as it
   * is made.
   */
  readonly refusal: string | null
  /** A broker setting as it is now, by Kafka's name; null: not set, and without a default. */
  setting(name: string): string | null
  /** The log found an entry whose bytes are not those that were appended. */
  damaged(group: GroupId, index: LogIndex, what: string, nowMs: number): void
  status(): NodeStatus
  /** Hands leaderships over; call again each tick until it says done. */
  shutdown(nowMs: number): "moving" | "done"
}

/** Recovers all groups from `ports.wal`. */
export type BrokerNodeConstructor = new (options: NodeOptions, ports: NodePorts) => BrokerMachine
