/**
 * What workload, invariants and liveness need of a simulated cluster: the world satisfies it. Kept
 * small, so that the checks can also be shown observations that no correct cluster makes.
 */
import type { CommitNumber, GroupId, GroupWrite, Wal } from "../../storage/wal.ts"
import type { BrokerNode } from "../node/broker-node.ts"
import type { PeerFrame } from "../peer/codec.ts"
import type { Api, RequestInput, ResponseOf } from "../protocol/schema.ts"

export interface SubjectBroker {
  readonly id: number
  /** Another one after the disk was replaced. */
  readonly diskUuid: string
  /** Grows with every start. */
  readonly starts: number
  readonly paused: boolean
  /** Undefined while it is down. */
  readonly node: BrokerNode | undefined
  /** While it is down: what survived. */
  readonly wal: Wal
}

/** "none": acks=0. "closed": the connection is gone, the outcome unknown. */
export type SubjectAnswer<A extends Api> = ResponseOf<A> | "none" | "closed"

/** A request at its broker. */
export interface SubjectAsked<A extends Api> {
  /** Undefined until it came. */
  readonly answer: SubjectAnswer<A> | undefined
}

/**
 * Called by the world while things happen. `sent` and `wrote` come during an event, `stepped` once
 * at its end for each broker that did anything in it.
 */
export interface Observer {
  started?(broker: SubjectBroker): void
  /** Its process is gone; `wal` already is what survived. */
  stopped?(broker: SubjectBroker): void
  /**
   * A fault changed what the disk held as durable (lost tail, flip, old copy, replaced disk): from
   * now on that disk may have forgotten what it promised.
   */
  damaged?(broker: SubjectBroker): void
  /** Taken over by `Wal.commit`. */
  wrote?(broker: SubjectBroker, commit: CommitNumber, writes: ReadonlyArray<GroupWrite>): void
  /** Dropped or amputated by the broker itself: its log of that group is to be read anew. */
  rewrote?(broker: SubjectBroker, group: GroupId): void
  /** Less than what was appended is kept of one of its entries, soon or already. */
  compacted?(broker: SubjectBroker, group: GroupId): void
  durable?(broker: SubjectBroker, through: CommitNumber): void
  /** Left the broker for a link that is up, whether or not it will arrive. */
  sent?(broker: SubjectBroker, to: number, frame: PeerFrame): void
  /** Arrived at a broker that runs, just before it is handed over. */
  received?(broker: SubjectBroker, from: number, frame: PeerFrame): void
  /** The Hello of that process came over a new link. */
  greeted?(broker: SubjectBroker, by: string): void
  stepped?(broker: SubjectBroker): void
}

export interface Subject {
  readonly nowMs: number
  readonly brokers: ReadonlyArray<SubjectBroker>
  /** In the order of planning where the times are equal. */
  plan(atMs: number, action: () => void): void
  /** Reaches the broker at once; a paused or stopped one answers as its sockets would. */
  ask<A extends Api>(
    broker: number,
    api: A,
    version: number,
    input: RequestInput<A>,
    answered?: (answer: SubjectAnswer<A>) => void,
  ): SubjectAsked<A>
  observe(observer: Observer): void
}
