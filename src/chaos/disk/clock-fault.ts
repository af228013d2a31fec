/** The wall clock of one broker is set wrong while it runs, and right again. */
import type { Effect, Fault, FaultContext, Injected } from "../fault.ts"
import type { ClockTrouble } from "./control-folder.ts"
import { NewLines } from "./new-lines.ts"
import { provokeLine } from "./provoke-line.ts"
import { anyBroker, disksOf, waitFor, type Target } from "./target.ts"

const hourMs = 3_600_000

const variants: ReadonlyArray<readonly [string, Omit<ClockTrouble, "sinceMs">]> = [
  ["an hour ahead", { offsetMs: hourMs, rate: 1, strobeMs: 0 }],
  ["an hour behind", { offsetMs: -hourMs, rate: 1, strobeMs: 0 }],
  ["two seconds in one", { offsetMs: 0, rate: 2, strobeMs: 0 }],
  ["a minute ahead and back, each for a quarter of a second", strobe(60_000, 250)],
]

function strobe(offsetMs: number, strobeMs: number): Omit<ClockTrouble, "sinceMs"> {
  return { offsetMs, rate: 1, strobeMs }
}

export const clockFault: Fault = {
  kind: "clock-jump",
  needs: ["signals", "clock"],
  async inject(context): Promise<Injected> {
    const { chance } = context
    const target = anyBroker(context)
    const { node, control } = target
    const [what, trouble] = variants[chance.below(variants.length)] ?? ["right", noTrouble]
    const lines = new NewLines(node.logFile)
    const how = await setWrong(context, target, trouble)
    return {
      target: `broker ${node.id}`,
      nodes: [node.id],
      verify: () => wrongTime(target, lines, `${what} (${how})`),
      async heal() {
        control.calm()
      },
    }
  },
}

/** Of the whole process by chance, where that can be done; else of its JavaScript. */
async function setWrong(
  context: FaultContext,
  { node, control }: Target,
  trouble: Omit<ClockTrouble, "sinceMs">,
): Promise<string> {
  const { chance, clock } = context
  const { offsetMs, rate, strobeMs } = trouble
  const isForAll = strobeMs === 0 && chance.below(4) > 0
  if (isForAll && disksOf(context).setClock(node.id, offsetMs, rate)) return "libfaketime"
  control.deeds()
  control.troubleClock({ ...trouble, sinceMs: Date.now() })
  const noticed = () => control.deeds().some(({ _tag }) => _tag === "clock")
  const asked = await waitFor(context, clock.nowMs() + 2_000, noticed)
  return asked ? "Date" : "and nobody asked for the time"
}

const noTrouble = { offsetMs: 0, rate: 1, strobeMs: 0 }

/** libfaketime looks every second. */
const triesMax = 20

/** The broker is given something to complain of: its log says what time it takes it to be. */
async function wrongTime({ node }: Target, lines: NewLines, what: string): Promise<Effect> {
  let worst = 0
  for (let tries = 0; tries < triesMax && Math.abs(worst) < 1_000; tries++) {
    const sentMs = Date.now()
    await provokeLine(node.direct)
    await Bun.sleep(110)
    const last = lines.all().findLast((line) => /^\S+Z /.test(line))
    const loggedMs = Date.parse(last?.split(" ")[0] ?? "")
    if (Number.isFinite(loggedMs)) worst = farther(worst, loggedMs - sentMs)
  }
  const seconds = (worst / 1000).toFixed(1)
  return {
    effective: Math.abs(worst) >= 500,
    evidence: `broker ${node.id}, ${what}: its log is ${seconds} s off`,
  }
}

const farther = (a: number, b: number): number => (Math.abs(b) > Math.abs(a) ? b : a)
