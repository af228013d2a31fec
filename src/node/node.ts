/** One whole broker as a deterministic machine. First the shape the rim is written against; see DESIGN.md. */
import type { CommitNumber } from "../../storage/wal.ts"
import type { PeerFrame } from "../peer/codec.ts"
import type { ClientRequest, Hello, NodeOptions, NodePorts, NodeStatus } from "./ports.ts"

export type * from "./ports.ts"
export { defaultNodeSettings } from "./ports.ts"

export type Admission =
  | { readonly _tag: "ok" }
  | { readonly _tag: "refused"; readonly reason: string }

/** Whether a version is served; what the rim does when not is Kafka's: close, except for ApiVersions. */
export type Served = "served" | "unsupportedVersion" | "unknownApi"

/** See the contract of each method below; `nowMs` is a wall clock that never runs backwards while the process lives. */
export interface BrokerMachine {
  start(nowMs: number): void
  /** Every `settings.tickMs`; late calls are taken as a pause of this process, not as silence of its peers. */
  tick(nowMs: number): void
  /** The link we dialled is up and the other end said who it is (its Hello answers ours). Refused: close the link. */
  peerConnected(nodeId: number, hello: Hello, nowMs: number): Admission
  /** Somebody dialled us and said who it is. Accepted: answer with `hello()`, then its frames may be fed in. */
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
  /** Once after each batch of the above: runs the turn (one commit for all groups) and wakes who can be answered. */
  flush(nowMs: number): void
  hello(): Hello
  readonly ready: boolean
  status(): NodeStatus
  /** Hands leaderships over; call again each tick until it says done. */
  shutdown(nowMs: number): "moving" | "done"
}

export type BrokerNodeConstructor = new (options: NodeOptions, ports: NodePorts) => BrokerMachine
