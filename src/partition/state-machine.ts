/** What the committed entries of a group drive. */
import type { LogIndex, SoftState, Term } from "../../raft/types.ts"
import type { EntryMeta } from "../../storage/wal.ts"

export interface StateMachine {
  /**
   * A committed entry, in order, once each (again after a restart, from where `restore` or the
   * log's begin left it). `payload` reads the bytes.
   */
  apply(meta: EntryMeta, payload: () => Uint8Array): void
  /**
   * Becomes what `state` says: bytes that `encode` gave, here or on another member, when everything
   * up to `index` was applied. At the start of a group it is called from the RaftGroup's
   * constructor.
   */
  restore?(state: Uint8Array, index: LogIndex): void
  /**
   * The state as bytes: the same on every member that has applied as much. Undefined: it has none
   * that could be taken up again.
   */
  encode?(): Uint8Array | undefined
  /** Role, leader or term changed; before the entries of the same turn are applied. */
  roleChanged?(soft: SoftState, term: Term): void
  /** Once per turn of a group whose entries may have been applied, made durable or acknowledged. */
  progressed?(): void
}
