/**
 * Disks that lose what was durable: never more than a minority of any configuration at once, until
 * it is repaired. Who has lost its vote, too, is told the others' terms when all can be asked.
 */
import type { Configuration, Prng } from "../../../raft/index.ts"
import type { Member } from "./member.ts"

const kinds = ["recovering", "recovering", "amnesiac", "unknown"] as const

export class Damage {
  readonly #members: ReadonlyArray<Member>
  readonly #prng: Prng
  /** Steps until the peers of a member that was opened unclean have answered. */
  readonly #askingFor = new Map<Member, number>()
  count = 0

  constructor(members: ReadonlyArray<Member>, prng: Prng) {
    this.#members = members
    this.#prng = prng
  }

  /** A minority of `configuration` is damaged, or nobody; counting `more`, too. */
  bearable({ voters, votersOutgoing }: Configuration, more?: Member): boolean {
    return [voters, votersOutgoing].every((list) => {
      const hit = this.#members.filter(
        (member) => list.includes(member.id) && (member === more || isDamaged(member)),
      )
      return hit.length === 0 || hit.length * 2 < list.length
    })
  }

  /** Some of what a member had is gone when it comes back; "amnesiac": all links are, too. */
  hit(member: Member): (typeof kinds)[number] | null {
    if (!this.#members.every(({ node }) => this.bearable(node.configuration, member))) return null
    // Of an entry that is on one data disk and a witness nothing is left when that disk loses it.
    const { witnesses } = member.node.configuration
    if (witnesses.length > 0 && !member.isWitness) return null
    const { cut, lastIndex } = member.disk.durable
    const reach = this.#prng.below(4) === 0 ? lastIndex - cut.index : 12
    const index = Math.max(cut.index + 1, lastIndex + 1 - this.#prng.below(reach + 1))
    const as = kinds[this.#prng.below(kinds.length)] ?? "recovering"
    member.damage(index, member.node.standing === "amnesiac" ? "amnesiac" : as)
    this.count++
    return as
  }

  restarted(member: Member): void {
    if (member.unasked) this.#askingFor.set(member, 1 + this.#prng.below(10))
  }

  /** One unit of time. */
  step(): void {
    for (const [member, left] of this.#askingFor) {
      this.#askingFor.set(member, left - 1)
      if (!member.up) this.#askingFor.delete(member)
      if (left > 0 || !member.up) continue
      this.#askingFor.delete(member)
      member.node.distrust()
      member.node.holdVotes = false
    }
    if (!this.#members.every(({ up }) => up)) return
    for (const { node } of this.#members) {
      if (node.standing !== "amnesiac") continue
      node.termsKnown(Math.max(...this.#members.map((other) => other.node.term)))
    }
  }
}

const isDamaged = ({ disk, node }: Member): boolean =>
  disk.lost.length > 0 || node.standing !== "trusted"
