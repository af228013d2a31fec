/**
 * The links between brokers, one per direction: each broker dials every other and sends only on the
 * link it dialled. A cut of one link is a cut of one direction. What the frames mean is the node's;
 * here they are only carried.
 */
import type { MemberId } from "../../raft/types.ts"
import type { PeerFrame } from "./codec.ts"
import { InboundLink } from "./inbound-link.ts"
import type { InboundSocket } from "./inbound-link.ts"
import { OutboundLink } from "./outbound-link.ts"

export type Hello = Extract<PeerFrame, { readonly _tag: "Hello" }>

export type Admission =
  | { readonly _tag: "ok" }
  | { readonly _tag: "refused"; readonly reason: string }

/** What the transport asks of and tells to the broker around it. */
export interface PeerEvents {
  readonly ownMember: MemberId
  memberOf(nodeId: number, diskUuid: string): MemberId
  nowMs(): number
  /** Ours to that node, as of now. */
  hello(to: number): Hello
  /** The link we dialled is up; `hello` is the other end's. */
  connected(nodeId: number, hello: Hello): Admission
  /** Somebody dialled us and said who it is. */
  accepted(nodeId: number, hello: Hello): Admission
  /** The link we dialled closed or could not be made; `refused`: nobody listens there. */
  closed(nodeId: number, refused: boolean): void
  frame(nodeId: number, frame: PeerFrame): void
  /** One line about a link that was refused or broken. */
  complain(line: string): void
}

export interface PeerAddress {
  readonly nodeId: number
  readonly host: string
  readonly port: number
}

export class PeerTransport {
  private readonly events: PeerEvents
  private readonly outbound = new Map<number, OutboundLink>()
  private readonly inbound = new Set<InboundLink>()

  constructor(peers: ReadonlyArray<PeerAddress>, events: PeerEvents) {
    this.events = events
    for (const { nodeId, host, port } of peers) {
      this.outbound.set(nodeId, new OutboundLink({ nodeId, host, port, events }))
    }
  }

  start(): void {
    for (const link of this.outbound.values()) link.dial()
  }

  /** False when the frame was dropped. */
  send(nodeId: number, frame: PeerFrame): boolean {
    return this.outbound.get(nodeId)?.send(frame) ?? false
  }

  /** End of a turn: one write per link. */
  flush(): void {
    for (const link of this.outbound.values()) link.flush()
  }

  /** Every tick. */
  sweep(nowMs: number): void {
    for (const link of this.outbound.values()) link.sweep(nowMs)
    for (const link of this.inbound) link.sign(nowMs)
  }

  /** Takes over a socket that began with the peers' word. */
  accept(socket: InboundSocket, remote: string): InboundLink {
    const link = new InboundLink(socket, {
      remote,
      events: this.events,
      admitted: (admitted, nodeId) => this.replaceOlder(admitted, nodeId),
      gone: (gone) => this.inbound.delete(gone),
    })
    this.inbound.add(link)
    return link
  }

  stop(broken = false): void {
    for (const link of this.outbound.values()) link.stop(broken)
    for (const link of this.inbound) link.destroy()
    this.inbound.clear()
  }

  queuedBytes(nodeId: number): number {
    return this.outbound.get(nodeId)?.queuedBytes ?? 0
  }

  private replaceOlder(admitted: InboundLink, nodeId: number): void {
    for (const link of this.inbound) {
      if (link !== admitted && link.nodeId === nodeId) link.destroy()
    }
  }
}
