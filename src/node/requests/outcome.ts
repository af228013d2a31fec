/** What a request handler is given and what it says: an answer, or what it waits for. */
import type { MetadataImage } from "../../cluster/image.ts"
import type { Partition } from "../../partition/partition.ts"
import type { GroupId } from "../../../storage/wal.ts"
import type { Coordination } from "../coordination/coordination.ts"
import type { BrokerSettings } from "../broker-settings.ts"
import type { LeaderView } from "../leader-view.ts"
import type { LogDir, LogLevel, NodeSettings } from "../ports.ts"
import type { WaitKey } from "../waiting.ts"

export type Outcome =
  | { readonly _tag: "answer"; readonly response: object }
  /** acks=0: the client expects no answer. */
  | { readonly _tag: "none" }
  | { readonly _tag: "close"; readonly reason: string }
  | Wait

export interface Wait {
  readonly _tag: "wait"
  readonly keys: ReadonlyArray<WaitKey>
  readonly deadlineMs: number
  /**
   * Asked again on a wake and at the deadline; `expired`: it must answer now. Another wait replaces
   * this one.
   */
  readonly retry: (nowMs: number, expired: boolean) => Outcome
}

export const answer = (response: object): Outcome => ({ _tag: "answer", response })

/** What the answers are made from: this broker's own state and its view of the others. */
export interface NodeView {
  readonly nodeId: number
  readonly clusterId: string
  readonly settings: NodeSettings
  /** Settings as they have been altered since the start. */
  readonly brokerSettings: BrokerSettings
  readonly image: MetadataImage
  readonly leaders: LeaderView
  readonly coordination: Coordination
  /** This process has been registered: the image holds everything that was committed before. */
  readonly caughtUp: boolean
  /** The replica of that group on this broker. */
  partition(group: GroupId): Partition | undefined
  /** Registered, not fenced, not suspected here. This broker itself: registered and not fenced. */
  alive(nodeId: number): boolean
  /** (leader, term) as clients may hear it: leader −1 while none is alive; terms never go back. */
  leaderOf(group: GroupId): { readonly leader: number; readonly term: number }
  /**
   * A listed live broker, the metadata leader where it is known; −1 when no broker is registered.
   */
  readonly controllerId: number
  /**
   * Has the decision made by the metadata leader, wherever it is. Exactly one call of `done`, maybe
   * at once.
   */
  decide(request: ControllerRequest, done: (result: ControllerResult) => void): void
  /** Asks for topics with the settings that are theirs by name; nobody waits for it. */
  autoCreate(names: ReadonlyArray<string>): void
  /** Undefined: a block has been asked for, `metadataKey` wakes when it is there. */
  nextProducerId(nowMs: number): number | undefined
  logDir(): LogDir
  /** The time of timestamps, ms since 1970. */
  wallMs(): number
  log(level: LogLevel, line: string): void
}

export interface ControllerRequest {
  readonly apiKey: number
  readonly apiVersion: number
  readonly body: object
  readonly deadlineMs: number
}

/** `decided`: also applied by this broker, so that whoever asks it next sees it. */
export type ControllerResult =
  | { readonly _tag: "decided"; readonly response: object }
  /** No leader answered before the deadline; the outcome may be unknown. */
  | { readonly _tag: "timedOut" }

export interface RequestContext {
  readonly token: number
  readonly apiVersion: number
  readonly clientId: string | null
  readonly connection: { readonly id: number; readonly host: string }
  readonly receivedMs: number
  readonly nowMs: number
  readonly node: NodeView
  /** Puts the question of this request's `Wait` again at the end of the turn. */
  wake(): void
}

export type Handler<Request> = (request: Request, context: RequestContext) => Outcome
