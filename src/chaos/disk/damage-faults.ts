/**
 * Files of one broker are damaged, or old, or gone, while it is down; then it is started. Whatever
 * it has forgotten, the others know: nothing else may happen until it has been given all again.
 */
import { join } from "node:path"
import type { ChaosNode } from "../cluster.ts"
import { FaultImpossible } from "../fault.ts"
import type { Effect, Fault, FaultContext, FaultKind, Injected } from "../fault.ts"
import { startAgain } from "../faults/processes.ts"
import { copyLog, filesOf, fileClasses, flipBit, putBack } from "./damage/files.ts"
import { truncate, type BitFlip } from "./damage/files.ts"
import { readByte } from "./damage/places.ts"
import { untilOthersLead, untilWhole } from "./health.ts"
import { NewLines } from "./new-lines.ts"
import { disksOf, theVictim, type Target } from "./target.ts"
import { wipe } from "./wipe.ts"

/** Until the others lead what the victim led. */
const othersLeadMs = 10_000
/** Until the victim holds all again. */
const wholeMs = 60_000
/** A copy is so old at least, when it is put back. */
const oldMs = 3_000

interface DamageFault {
  readonly kind: FaultKind
  /** While it runs. */
  readonly before?: (context: FaultContext, target: Target, untilMs: number) => Promise<void>
  /** While it is down. Gives what to say of it, and what is looked at before it is healed. */
  readonly damage: (context: FaultContext, target: Target) => Done
  readonly afterwards?: (context: FaultContext, target: Target) => void
}

interface Done {
  /** "sentinel: byte 312 12→13" */
  readonly what: string
  readonly changed: boolean
  /** Once it runs again. */
  readonly look?: () => Promise<Effect>
}

const faultOf = ({ kind, before, damage, afterwards }: DamageFault): Fault => ({
  kind,
  needs: ["signals", "files"],
  async inject(context, untilMs): Promise<Injected> {
    const { cluster } = context
    const target = theVictim(context)
    const { id } = target.node
    const missing = await untilWhole(cluster, othersLeadMs)
    if (missing !== undefined) throw new FaultImpossible(`not whole: ${missing}`)
    await before?.(context, target, untilMs)
    const lines = new NewLines(target.node.logFile)
    try {
      await cluster.signal(id, "SIGKILL")
      if (!(await untilOthersLead(cluster, id, othersLeadMs))) {
        throw new FaultImpossible(`the others do not lead what broker ${id} led`)
      }
      const done = damage(context, target)
      context.log(`${kind} at broker ${id}: ${done.what}`)
      await cluster.start(id)
      return injected(context, target, done, lines, afterwards)
    } catch (error) {
      await startAgain(cluster, id)
      throw error
    }
  },
})

/** What a broker says of a log that it does not believe, or has mended. */
const complaints =
  /damaged|counts for nothing|remembers|has had a log|forg[eo]t|moved aside|cut off|corrupt|malformed|read from their copies/i

function injected(
  context: FaultContext,
  target: Target,
  { what, changed, look }: Done,
  lines: NewLines,
  afterwards: DamageFault["afterwards"],
): Injected {
  const { id } = target.node
  return {
    target: `broker ${id}`,
    nodes: [id],
    async verify() {
      const seen = await look?.()
      const said = lines.find(complaints)
      const noticed = said === undefined ? "its log does not mention it" : `it says: ${said}`
      const evidence = [what, ...(seen === undefined ? [] : [seen.evidence]), noticed].join("; ")
      return { effective: changed && (seen?.effective ?? true), evidence }
    },
    async heal() {
      await startAgain(context.cluster, id)
      const missing = await untilWhole(context.cluster, wholeMs)
      if (missing === undefined) return afterwards?.(context, target)
      throw new Error(`not whole ${wholeMs} ms after broker ${id} was started: ${missing}`)
    },
  }
}

const flipText = ({ file, offset, before, after }: BitFlip): string =>
  `${file}: byte ${offset} ${before}→${after}`

/** Two bits of one file: of the database, its journal, or the sentinel. */
const bitFlips = faultOf({
  kind: "bit-flips",
  damage({ chance }, { node }) {
    const file = anyFile(node, chance.below(fileClasses.length), (n) => chance.below(n))
    const flips = [flipBit(node.dir, file, chance), flipBit(node.dir, file, chance)]
    const changed = flips.some((flip) => readByte(join(node.dir, file), flip.offset) === flip.after)
    return { what: flips.map(flipText).join(", "), changed }
  },
})

/** The end of a journal or of a file is not there. */
const truncation = faultOf({
  kind: "truncation",
  damage({ chance }, { node }) {
    const file = anyFile(node, chance.below(2), (n) => chance.below(n))
    const { before, after } = truncate(node.dir, file, 1 << 20, chance)
    return { what: `${file}: ${after} of ${before} bytes are left`, changed: after < before }
  },
})

/** Of the class with that number, or of one that has any. */
function anyFile(node: ChaosNode, first: number, below: (n: number) => number): string {
  const classes = [...fileClasses.slice(first), ...fileClasses.slice(0, first)]
  for (const kind of classes) {
    const files = filesOf(node.dir, kind)
    const file = files[below(Math.max(1, files.length))]
    if (file !== undefined) return file
  }
  throw new FaultImpossible(`broker ${node.id} has no files`)
}

/**
 * The whole folder is put back as it was some seconds ago. Nothing in it says so: the others must.
 * They run all the time, for they know it only as long as they do.
 */
const oldCopy: Fault = (() => {
  const peersSince = new WeakMap<Target, string>()
  return faultOf({
    kind: "old-copy",
    async before(context, target, untilMs) {
      const { clock, cluster, signal } = context
      const { node } = target
      const copy = disksOf(context).emptyCopyFolder(node.id)
      await cluster.signal(node.id, "SIGSTOP")
      try {
        copyLog(node.dir, copy)
      } finally {
        await cluster.signal(node.id, "SIGCONT")
      }
      peersSince.set(target, peersOf(context, node.id))
      await clock.sleep(Math.max(oldMs, (untilMs - clock.nowMs()) / 2), signal)
    },
    damage(context, target) {
      const { node } = target
      if (peersSince.get(target) !== peersOf(context, node.id)) {
        throw new FaultImpossible("who remembers more than the copy has been started anew")
      }
      const copy = disksOf(context).copyFolder(node.id)
      const { files, changed } = putBack(copy, node.dir)
      const what = `${files} files as they were before, ${changed} of them had changed since`
      return { what, changed: changed > 0 }
    },
  })
})()

const peersOf = ({ cluster }: FaultContext, id: number): string =>
  cluster.nodes
    .filter((node) => node.id !== id)
    .map((node) => String(cluster.pidOf(node.id)))
    .join(" ")

/** It comes back as a new disk. */
const wipedDisk = faultOf({
  kind: "wiped-disk",
  damage: (_context, { node }) => wipe(node),
  afterwards: (context, { node }) => disksOf(context).victim.isWhole(node.id),
})

export const damageFaults: ReadonlyArray<Fault> = [bitFlips, truncation, oldCopy, wipedDisk]
