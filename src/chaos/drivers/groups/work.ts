/** What a member does between two rebalances, whichever protocol told it what it owns. */
import { ErrorCode } from "../../../protocol/error-codes.ts"
import { isNotHere } from "./coordinator-link.ts"
import { toldOf } from "./group-ports.ts"
import type { Assigned } from "./group-reader.ts"
import type { Life } from "./raw-member.ts"

/** In the place of an error code: the member is to own other partitions from here on. */
export const moved = -1001

const idleMs = 20

/** Of 100 commits so many are for an assignment that is over: they must be refused. */
const latePercent = 5

/**
 * Reads and commits what `assigned` gives, and beats, until a beat or a commit is refused or the
 * life ends. Gives the error code that ended it, or `moved`; 0 for the end of the life.
 */
export async function work(
  life: Life,
  assigned: () => Assigned,
  beat: () => Promise<number>,
  before: Assigned | undefined,
): Promise<number> {
  let over: number | undefined
  const isOn = () => over === undefined && !life.isOver
  const heard = (code: number): void => {
    if (code === ErrorCode.NONE) return
    if (isNotHere(code)) life.coordinator.forget()
    else over ??= code
  }
  const beating = async (): Promise<void> => {
    while (isOn()) {
      await life.rest(life.shape.heartbeatMs)
      if (isOn()) heard(await beat())
      await life.gate.opened()
    }
  }
  const reading = async (): Promise<void> => {
    const first = assigned()
    await begin(life, first, isOn, heard)
    let committedMs = life.ports.clock.nowMs()
    while (isOn()) {
      await life.gate.opened()
      const { refs } = first
      const count = refs.length === 0 ? 0 : await life.reader.poll(refs)
      // An empty answer has usually waited on the broker's side; one with an error has not.
      if (count === 0) await life.rest(idleMs)
      await life.gate.opened()
      if (!isOn() || life.ports.clock.nowMs() - committedMs < life.shape.commitEveryMs) continue
      committedMs = life.ports.clock.nowMs()
      const isLate = before !== undefined && life.chance.below(100) < latePercent
      if (isLate && before !== undefined) await life.reader.commit(before, true)
      else heard(await life.reader.commit({ refs, as: assigned().as }))
    }
    // Handed on with as little to be read again as possible.
    if ((over === ErrorCode.REBALANCE_IN_PROGRESS || over === moved) && !life.isOver) {
      await life.reader.commit({ refs: first.refs, as: assigned().as })
    }
  }
  await Promise.all([beating(), reading()])
  return over ?? ErrorCode.NONE
}

async function begin(
  life: Life,
  assigned: Assigned,
  isOn: () => boolean,
  heard: (code: number) => void,
): Promise<void> {
  while (isOn() && assigned.refs.length > 0) {
    const found = await life.reader.seekToCommitted(assigned.refs)
    await life.gate.opened()
    if (found._tag === "offsets") return
    heard(found.code)
    await life.rest(100)
  }
}

/** A heartbeat that found nothing changed: the group must wait for this member from here on. */
export function heardOf(
  { ports, process, shape, memberId, generation }: Life,
  { node, connection }: { readonly node: number; readonly connection: number },
  askedMs: number,
): void {
  const call = { f: "heartbeat" as const, group: shape.group, member: memberId, generation }
  ports.recorder.begin(process, call, askedMs).end(toldOf("ok", node, connection))
}

/** Before the coordinator can know of it. A crash gives nothing up: the group has to wait. */
export function release({ ports, process, shape, isCrashed }: Life, { refs, as }: Assigned): void {
  if (refs.length === 0 || isCrashed()) return
  const { member } = as
  const partitions = refs.map(({ key }) => key)
  const call = { f: "release" as const, group: shape.group, member, partitions }
  ports.recorder.begin(process, call).end(toldOf("ok", -1, -1))
}
