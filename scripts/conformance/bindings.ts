/**
 * Ids that a cluster makes up: what Kafka called so when it was recorded, and what the cluster
 * asked now calls so. Both are learned from the same place of the two answers, put into later
 * questions, and taken out of later answers, so that answers compare by what the ids mean: an old
 * id where Kafka gives a new one is a difference.
 */
import { zeroUuid } from "../../src/protocol/index.ts"
import { withProducerIds } from "./record-batches.ts"
import { mapped, together, type Plain } from "./values.ts"

type Id = string | number

/** Field → the kind of id it holds. */
const kinds: Readonly<Record<string, string>> = {
  topicId: "topic",
  memberId: "member",
  leader: "member",
  producerId: "producer",
  v3AndBelowProducerId: "producer",
  sessionId: "session",
  clusterId: "cluster",
}

/** The same for ids made the same way: a uuid of either print, after the same prefix. */
const shapeOf = (id: Id): string =>
  typeof id === "number"
    ? "number"
    : id
        .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, "<uuid>")
        .replace(/^[0-9a-f]{32}$|^[\w-]{22}$/, "<id>")

const isMade = (id: Plain): id is Id =>
  typeof id === "number" ? id > 0 || Object.is(id, 0) : typeof id === "string" && id !== zeroUuid

export class Bindings {
  private readonly ours = new Map<string, Id>()
  private readonly recorded = new Map<string, Id>()

  /** An id that is bound already, on either side, stays what it is. */
  learn(recordedAnswer: Plain, ourAnswer: Plain): void {
    together(recordedAnswer, ourAnswer, (name, theirs, ours) => {
      const kind = kinds[name]
      if (kind === undefined || !isMade(theirs) || !isMade(ours)) return
      if (kind === "session" && (theirs === 0 || ours === 0)) return
      if (kind !== "cluster" && shapeOf(theirs) !== shapeOf(ours)) return
      if (typeof theirs === "string" && theirs === ours) return
      const from = `${kind} ${theirs}`
      const back = `${kind} ${ours}`
      if (this.ours.has(from) || this.recorded.has(back)) return
      this.ours.set(from, ours)
      this.recorded.set(back, theirs)
    })
  }

  /** A recorded question, with our ids. */
  toOurs(request: Plain): Plain {
    return this.translated(request, this.ours)
  }

  /** Our answer, with the recorded ids. */
  toRecorded(answer: Plain): Plain {
    return this.translated(answer, this.recorded)
  }

  private translated(message: Plain, table: ReadonlyMap<string, Id>): Plain {
    const producer = (id: number): number => Number(table.get(`producer ${id}`) ?? id)
    return mapped(message, (name, value) => {
      if (value instanceof Uint8Array) {
        return name === "records" ? withProducerIds(value, producer) : value
      }
      const kind = kinds[name]
      if (kind === undefined || !isMade(value)) return value
      return table.get(`${kind} ${value}`) ?? value
    })
  }
}
