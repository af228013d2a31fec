/**
 * What the node has decided to say, sorted by what must be durable first. Promises (votes, requests
 * for votes, acknowledgements) wait for what they speak of; everything else may leave at once.
 */
import type { AppendEntriesResponse, Message } from "./message.ts"
import type { ReadState } from "./ready.ts"
import type { LogIndex, MemberId } from "./types.ts"

export class Outbox {
  messages: Array<Message> = []
  /** Wait for the current term and vote to be durable. */
  promises: Array<Message> = []
  /** Waits for its matchIndex too; later ones of the same term replace it, since they say more. */
  acknowledgement: AppendEntriesResponse | null = null
  readStates: Array<ReadState> = []
  readsLost: Array<number> = []
  snapshotsNeeded: Array<MemberId> = []

  send(message: Message): void {
    this.messages.push(message)
  }

  promise(message: Message): void {
    this.promises.push(message)
  }

  acknowledge(answer: AppendEntriesResponse): void {
    const held = this.acknowledgement
    if (held === null || held.to !== answer.to) {
      this.acknowledgement = answer
      return
    }
    this.acknowledgement = {
      ...answer,
      matchIndex: Math.max(held.matchIndex, answer.matchIndex),
      round: Math.max(held.round, answer.round),
    }
  }

  /** A new term: nobody may rely on what was promised in the old one. */
  dropPromises(): void {
    this.promises = []
    this.acknowledgement = null
  }

  /** Of what would leave at once: what is a vote, or says that a copy is here. */
  dropProofs(): void {
    this.messages = this.messages.filter((message) => !isProof(message))
  }

  /** The log was cut above `lastIndex`: an acknowledgement must not outlive its entries. */
  dropAcknowledgementAbove(lastIndex: LogIndex): void {
    if (this.acknowledgement !== null && this.acknowledgement.matchIndex > lastIndex) {
      this.acknowledgement = null
    }
  }

  /** Moves to `messages` what is covered by what is durable already. */
  releaseDurable(durableIndex: LogIndex): void {
    for (const message of this.promises) this.messages.push(message)
    if (this.promises.length > 0) this.promises = []
    const held = this.acknowledgement
    if (held !== null && held.matchIndex <= durableIndex) {
      this.messages.push(held)
      this.acknowledgement = null
    }
  }

  /** Everything that waits, to leave when the Ready that is being made is durable. */
  takePromises(): Array<Message> {
    const taken = this.promises
    if (this.acknowledgement !== null) taken.push(this.acknowledgement)
    this.promises = []
    this.acknowledgement = null
    return taken
  }

  get hasMessages(): boolean {
    return this.messages.length > 0
  }
  get hasReads(): boolean {
    return this.readStates.length > 0 || this.readsLost.length > 0
  }
}

function isProof(message: Message): boolean {
  switch (message._tag) {
    case "PreVoteResponse":
    case "RequestVoteResponse":
      return message.granted
    case "RequestVote":
    case "PreVote":
      return true
    case "AppendEntriesResponse":
    case "InstallSnapshotResponse":
      return message.counts
    case "QuiesceResponse":
      return message.agreed
    default:
      return false
  }
}
