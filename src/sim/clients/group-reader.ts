/**
 * What a member does with its partitions: asks where the group stands, reads on from there, commits
 * what it has read. Old assignments may still commit: the coordinator is to refuse that.
 */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { Client } from "./client.ts"
import { Consumer } from "./consumer.ts"
import type { GroupLink } from "./group-link.ts"
import { commitOffset, fetchCommitted } from "./group-offsets.ts"
import type { PartitionRef } from "./topic-table.ts"

export interface Membership {
  readonly member: string
  readonly generation: number
}

interface Assigned {
  readonly refs: ReadonlyArray<PartitionRef>
  as: Membership
  /** The group's positions are known. */
  isReady: boolean
}

/** Of 100 thoughts so many commit for an assignment that is over. */
const latePercent = 3

export class GroupReader {
  readonly #client: Client
  readonly #link: GroupLink
  readonly #consumer: Consumer
  readonly #versions: ReadonlyArray<number>
  #assigned: Assigned | undefined
  #before: Assigned | undefined
  #commits = 0
  #waiting = 0

  /** `versions`: of OffsetCommit that the group's protocol takes. */
  constructor(client: Client, link: GroupLink, seed: number, versions: ReadonlyArray<number>) {
    this.#versions = versions
    this.#client = client
    this.#link = link
    this.#consumer = new Consumer(client.name, seed, client.ports, {
      thinkMs: 0,
      maxWaitMs: 0,
      bytesMax: 20_000,
      followerPercent: 20,
      rewindPercent: 0,
    })
  }

  get outstanding(): number {
    return this.#waiting + this.#consumer.outstanding
  }

  assign(refs: ReadonlyArray<PartitionRef>, as: Membership): void {
    this.#assigned = { refs, as, isReady: refs.length === 0 }
  }

  /** The same partitions, in a later epoch. */
  renew(as: Membership): void {
    if (this.#assigned !== undefined) this.#assigned.as = as
  }

  revoke(): void {
    if (this.#assigned?.isReady === true) this.#before = { ...this.#assigned }
    this.#assigned = undefined
  }

  /** `refused` hears why the coordinator did not take something. */
  work(refused: (code: number) => void): void {
    const { prng } = this.#client
    const late = this.#before
    if (late !== undefined && prng.below(100) < latePercent) this.#commit(late, () => undefined)
    const assigned = this.#assigned
    if (assigned === undefined) return
    if (!assigned.isReady) return this.#begin(assigned, refused)
    if (assigned.refs.length === 0) return
    const ref = this.#client.pick(assigned.refs)
    if (prng.below(3) === 0) return this.#commit(assigned, refused)
    this.#consumer.poll(ref, () => undefined)
  }

  #begin(assigned: Assigned, refused: (code: number) => void): void {
    if (this.#waiting > 0) return
    this.#waiting++
    fetchCommitted(this.#client, this.#link, assigned.refs, (offsets, code) => {
      this.#waiting--
      if (offsets === undefined) {
        if (assigned === this.#assigned) refused(code)
        return
      }
      if (assigned !== this.#assigned) return
      // auto.offset.reset=earliest.
      for (const [ref, offset] of offsets) this.#consumer.seek(ref, Math.max(0, offset))
      assigned.isReady = true
    })
  }

  /** What it has read up to, of one partition. */
  #commit({ refs, as }: Assigned, refused: (code: number) => void): void {
    const ref = refs.length === 0 ? undefined : this.#client.pick(refs)
    if (ref === undefined || this.#consumer.outstanding > 0) return
    const tag = `${this.#client.name}.${this.#commits++}`
    const version = this.#client.pick(this.#versions)
    this.#waiting++
    const offset = this.#consumer.position(ref)
    commitOffset(this.#client, this.#link, ref, offset, { ...as, tag, version }, (code) => {
      this.#waiting--
      if (code !== ErrorCode.NONE) refused(code)
    })
  }
}
