/** What a follower without room takes of a leader's message. */
import type { Message } from "../../raft/message.ts"
import { isControl } from "../partition/control-entry.ts"

/**
 * The entries that elections and membership need, those that give space back, and none of the data:
 * what follows is not acknowledged, so the leader counts it nowhere and sends it again.
 */
export function withoutData(message: Message): Message {
  if (message._tag !== "AppendEntries") return message
  const first = message.entries.findIndex((entry) => entry.type === "data" && !isControl(entry))
  return first < 0 ? message : { ...message, entries: message.entries.slice(0, first) }
}
