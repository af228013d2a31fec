/** A storage layer that is slow, stands still, or has no room: told so while the broker runs. */
import type { Effect, Fault, FaultContext, FaultKind, Injected } from "../fault.ts"
import { startAgain } from "../faults/processes.ts"
import type { Deed, StorageTrouble } from "./control-folder.ts"
import { healthOf } from "./health.ts"
import { NewLines } from "./new-lines.ts"
import { anyBroker, waitFor, type Target } from "./target.ts"

/** What it may take a broker to stop of itself. */
const stopMs = 5_000
/** What it may take to notice a command. */
const noticeMs = 3_000

interface StorageFault {
  readonly kind: FaultKind
  readonly strike: (context: FaultContext, target: Target, untilMs: number) => Promise<Evidence>
}

/** Asked before the heal. */
type Evidence = () => Effect | Promise<Effect>

const faultOf = ({ kind, strike }: StorageFault): Fault => ({
  kind,
  needs: ["signals", "storage"],
  async inject(context, untilMs): Promise<Injected> {
    const target = anyBroker(context)
    const { node, control } = target
    const heal = async () => {
      control.calm()
      await startAgain(context.cluster, node.id)
    }
    control.deeds()
    try {
      const verify = await strike(context, target, untilMs)
      const told = async () => await verify()
      return { target: `broker ${node.id}`, nodes: [node.id], verify: told, heal }
    } catch (error) {
      await heal()
      throw error
    }
  },
})

const hasEnded =
  ({ cluster }: FaultContext, { node, pid }: Target) =>
  () =>
    cluster.pidOf(node.id) !== pid

function stopped(
  { cluster }: FaultContext,
  { node, pid }: Target,
  isGone: boolean,
  what: string,
): Effect {
  const exit = isGone ? (cluster.lastExit(node.id) ?? "no exit code") : "it goes on"
  return { effective: isGone, evidence: `${what}; broker ${node.id} (pid ${pid}): ${exit}` }
}

/** Nothing reaches SQLite until the heal. */
const heldCommits = faultOf({
  kind: "held-commits",
  async strike(_context, target) {
    tell(target, { _tag: "held" })
    return () => calmed(target, "transactions held back")
  },
})

/** Every commit takes longer, by 50 to 400 ms and up to twice that. */
const slowDisk = faultOf({
  kind: "slow-disk",
  async strike(context, target) {
    tell(target, { _tag: "slow", ms: 50 + context.chance.below(350) })
    return () => calmed(target, "commits were slow")
  },
})

function tell({ control }: Target, trouble: StorageTrouble): void {
  control.troubleStorage(trouble)
}

/** The storage says what it did when it has done it: so the command is taken back first. */
async function calmed({ node, control }: Target, what: string): Promise<Effect> {
  control.calm()
  const deeds: Array<Deed> = [...control.deeds()]
  for (let tries = 0; deeds.length === 0 && tries < 20; tries++) {
    await Bun.sleep(25)
    deeds.push(...control.deeds())
  }
  const longest = Math.max(0, ...deeds.map(({ ms }) => ms))
  const evidence = `${deeds.length} ${what} at broker ${node.id}, the longest for ${longest} ms`
  return { effective: longest > 0, evidence }
}

/**
 * The file system has no room: records are refused, nothing else, and it ends by itself. In one of
 * three a commit meets the full disk all the same, and the broker must stop.
 */
const diskFull = faultOf({
  kind: "disk-full",
  async strike(context, target, untilMs) {
    const { chance, clock } = context
    const { control, node } = target
    const lines = new NewLines(node.logFile)
    tell(target, { _tag: "space", freeBytes: chance.below(2) === 0 ? 0 : 4096 })
    const noticed = () => lines.find(/the disk is nearly full/) !== undefined
    await waitFor(context, clock.nowMs() + noticeMs, noticed)
    if (chance.below(3) > 0) return () => isLow(target, lines)
    await waitFor(context, (clock.nowMs() + untilMs) / 2, hasEnded(context, target))
    tell(target, { _tag: "full" })
    const ended = hasEnded(context, target)
    await waitFor(context, clock.nowMs() + stopMs, ended)
    const met = control.deeds().some(({ _tag }) => _tag === "full")
    const what = met ? "a commit found the disk full" : "no commit came to find the disk full"
    return () => stopped(context, target, ended(), what)
  },
})

async function isLow({ node }: Target, lines: NewLines): Promise<Effect> {
  const health = await healthOf(node)
  const said = lines.find(/the disk is nearly full/)
  const space = health === undefined ? "no answer" : `disk space ${health.diskSpace}`
  const evidence = `broker ${node.id}: ${space}; ${said ?? "its log says nothing of it"}`
  return { effective: health?.diskSpace === "low", evidence }
}

export const storageFaults: ReadonlyArray<Fault> = [heldCommits, slowDisk, diskFull]
