import type { joinGroup } from "../../protocol/messages/join-group.ts"
import type { syncGroup } from "../../protocol/messages/sync-group.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { ownBytes } from "../own-bytes.ts"

export type JoinRequest = RequestOf<typeof joinGroup>
export type JoinResponse = ResponseInput<typeof joinGroup>
export type SyncResponse = ResponseInput<typeof syncGroup>

/** A protocol (an assignor) that a member knows, with its subscription for it: opaque. */
export interface JoinProtocol {
  readonly name: string
  readonly metadata: Uint8Array
}

/** In order of preference, each name once. Copies what the request only lends. */
export const protocolsOf = (request: JoinRequest): ReadonlyArray<JoinProtocol> => {
  const byName = new Map<string, JoinProtocol>()
  for (const { name, metadata } of request.protocols) {
    if (!byName.has(name)) byName.set(name, { name, metadata: ownBytes(metadata) })
  }
  return [...byName.values()]
}

export interface MemberOptions {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  readonly protocols: ReadonlyArray<JoinProtocol>
  readonly assignment: Uint8Array
}

/** Nothing assigned: empty bytes, never null (some clients cannot read that). */
export const noAssignment = new Uint8Array(0)

/** A member as the leader knows it: also one that no generation has yet. */
export class Member {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  rebalanceTimeoutMs: number
  sessionTimeoutMs: number
  protocols: ReadonlyArray<JoinProtocol>
  assignment: Uint8Array
  /** It has no member id to send heartbeats with until its first JoinGroup is answered. */
  isNew = false
  joining: ((response: JoinResponse) => void) | undefined
  syncing: ((response: SyncResponse) => void) | undefined

  constructor(options: MemberOptions) {
    this.memberId = options.memberId
    this.groupInstanceId = options.groupInstanceId
    this.clientId = options.clientId
    this.clientHost = options.clientHost
    this.rebalanceTimeoutMs = options.rebalanceTimeoutMs
    this.sessionTimeoutMs = options.sessionTimeoutMs
    this.protocols = options.protocols
    this.assignment = options.assignment
  }

  /** The same under another id; it waits for nothing. */
  under(memberId: string): Member {
    const { groupInstanceId, clientId, clientHost, protocols, assignment } = this
    const { rebalanceTimeoutMs, sessionTimeoutMs } = this
    return new Member({
      memberId,
      groupInstanceId,
      clientId,
      clientHost,
      rebalanceTimeoutMs,
      sessionTimeoutMs,
      protocols,
      assignment,
    })
  }

  /** Whoever waits for us is alive, except for one who has never been answered. */
  get isHeldAlive(): boolean {
    return !this.isNew && (this.joining !== undefined || this.syncing !== undefined)
  }

  knows(protocol: string): boolean {
    return this.protocols.some(({ name }) => name === protocol)
  }

  metadataFor(protocol: string | null): Uint8Array {
    const found = this.protocols.find(({ name }) => name === protocol)
    if (found === undefined) throw new Error(`member ${this.memberId} does not know ${protocol}`)
    return found.metadata
  }

  /** The same protocols with the same subscriptions, in the same order. */
  matches(protocols: ReadonlyArray<JoinProtocol>): boolean {
    return (
      protocols.length === this.protocols.length &&
      protocols.every((one, i) => sameProtocol(one, this.protocols[i]))
    )
  }

  /** Its favourite among the candidates. */
  vote(candidates: ReadonlySet<string>): string {
    const favourite = this.protocols.find(({ name }) => candidates.has(name))
    if (favourite === undefined) throw new Error(`member ${this.memberId} knows no candidate`)
    return favourite.name
  }

  answerJoin(response: JoinResponse): boolean {
    const { joining } = this
    this.joining = undefined
    joining?.(response)
    return joining !== undefined
  }

  answerSync(response: SyncResponse): boolean {
    const { syncing } = this
    this.syncing = undefined
    syncing?.(response)
    return syncing !== undefined
  }
}

const sameProtocol = (a: JoinProtocol, b: JoinProtocol | undefined): boolean =>
  b !== undefined && a.name === b.name && Buffer.compare(a.metadata, b.metadata) === 0
