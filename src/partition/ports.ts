/** What the machine around this folder must supply. */
import type { Message } from "../../raft/message.ts"
import type { GroupId } from "../../storage/wal.ts"

export interface Outbox {
  /**
   * Towards `message.to`; losing it is legal, changing or reordering bytes of it is not. Must not
   * throw or re-enter.
   */
  send(group: GroupId, message: Message): void
  log(level: "info" | "warn" | "error", line: string): void
}
