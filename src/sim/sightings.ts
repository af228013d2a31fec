/** Rare events that only what brokers say to each other shows. */
import type { Message } from "../../raft/message.ts"
import type { Term } from "../../raft/types.ts"
import type { GroupId } from "../../storage/wal.ts"
import type { Engine } from "./engine.ts"

interface Seen {
  /** Highest in which somebody spoke as leader, and asked for votes. */
  led: Term
  asked: Term
}

export class Sightings {
  private readonly engine: Engine
  private readonly groups = new Map<GroupId, Seen>()

  constructor(engine: Engine) {
    this.engine = engine
  }

  raft(group: GroupId, message: Message): void {
    switch (message._tag) {
      case "AppendEntries":
        return this.led(this.of(group), message.term)
      case "RequestVote":
        return this.asked(this.of(group), message.term)
      case "InstallSnapshot":
        return this.engine.met("snapshotSent")
      case "TimeoutNow":
        return this.engine.met("transferred")
      default:
    }
  }

  private of(group: GroupId): Seen {
    let seen = this.groups.get(group)
    if (seen === undefined) this.groups.set(group, (seen = { led: 0, asked: 0 }))
    return seen
  }

  private led(seen: Seen, term: Term): void {
    if (term === seen.led) return
    if (term < seen.led) return this.engine.met("oldLeaderSpoke")
    if (seen.led > 0) this.engine.met("leaderChanged")
    seen.led = term
  }

  private asked(seen: Seen, term: Term): void {
    if (term <= seen.asked) return
    if (seen.asked > seen.led) this.engine.met("voteSplit")
    seen.asked = term
  }
}
