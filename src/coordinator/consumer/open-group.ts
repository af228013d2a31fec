/** The group that a heartbeat of the consumer protocol is for: there, new, or taken over. */
import type { ClassicProtocol } from "../classic/classic-protocol.ts"
import type { LiveGroup } from "../classic/live-group.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { CoordinatorRecord } from "../ports.ts"
import type { CoordinatorTerm } from "../term.ts"
import { ConsumerGroup } from "./consumer-group.ts"
import { upgrade } from "./migration.ts"
import { isRefused, refused } from "./refusal.ts"
import type { Refused } from "./refusal.ts"

export interface OpenedGroup {
  /** Not in the state before `records` are stored, where there are any or the group is new. */
  readonly group: ConsumerGroup
  readonly records: ReadonlyArray<CoordinatorRecord>
  readonly upgraded: LiveGroup | undefined
  /** To be called when the records are stored. */
  readonly settled: () => void
}

export function openGroup(
  { groups, host }: CoordinatorTerm,
  classic: ClassicProtocol,
  groupId: string,
  mayCreate: boolean,
): OpenedGroup | Refused {
  const known = groups.get(groupId)
  if (known?._tag === "consumer") return opened(known)
  const live = classic.group(groupId)
  if (!mayCreate) {
    const message =
      live === undefined
        ? `Consumer group ${groupId} not found.`
        : `Group ${groupId} is not a consumer group.`
    return refused(ErrorCode.GROUP_ID_NOT_FOUND, message)
  }
  if (live === undefined) return opened(new ConsumerGroup(groupId))
  const settled = () => takeOver(classic, live)
  if (live.isEmpty) {
    const records = known === undefined ? [] : live.tombstones()
    return { group: new ConsumerGroup(groupId), records, upgraded: undefined, settled }
  }
  const upgraded = upgrade(live, host)
  return isRefused(upgraded) ? upgraded : { ...upgraded, upgraded: live, settled }
}

const opened = (group: ConsumerGroup): OpenedGroup => ({
  group,
  records: [],
  upgraded: undefined,
  settled: () => undefined,
})

/** Whoever waits for a rebalance of the classic protocol is told to join again. */
function takeOver(classic: ClassicProtocol, live: LiveGroup): void {
  for (const member of live.members.values()) {
    const { memberId } = member
    member.answerJoin({ memberId, errorCode: ErrorCode.REBALANCE_IN_PROGRESS })
    member.answerSync({ errorCode: ErrorCode.REBALANCE_IN_PROGRESS })
  }
  classic.forget(live.groupId)
}
