/** Readys whose commit is not durable yet, in the order in which they become so. */
import type { RaftNode } from "../../raft/index.ts"
import type { Message } from "../../raft/message.ts"
import type { PersistToken } from "../../raft/ready.ts"
import type { CommitNumber } from "../../storage/wal.ts"

interface Promised {
  readonly commit: CommitNumber
  readonly token: PersistToken
  readonly afterPersist: ReadonlyArray<Message>
}

export class Persisting {
  #waiting: Array<Promised> = []

  add(promised: Promised): void {
    this.#waiting.push(promised)
  }

  /** Every commit up to `through` is durable: what was promised by them may be said. */
  release(through: CommitNumber, node: RaftNode, send: (message: Message) => void): void {
    while (this.#waiting.length > 0 && this.#waiting[0]!.commit <= through) {
      const { token, afterPersist } = this.#waiting.shift()!
      // False: the term has changed since, and promises of an older term are not made any more
      // (hazard 4).
      if (node.persisted(token)) for (const message of afterPersist) send(message)
    }
  }

  get idle(): boolean {
    return this.#waiting.length === 0
  }

  /** The node that promised is gone. */
  forget(): void {
    this.#waiting = []
  }
}
