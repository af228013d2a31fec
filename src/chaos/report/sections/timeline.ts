/** What happened when: phases, faults by broker, leaders of partitions. */
import type { RunResult } from "../../result.ts"
import { brokerClass, brokersOf } from "../drawings/brokers.ts"
import { drawFaultLanes } from "../drawings/fault-lanes.ts"
import { drawLeaderLanes, mostRestless, reignsOf } from "../drawings/leader-lanes.ts"
import type { PartitionReigns } from "../drawings/leader-lanes.ts"
import { counted } from "../format.ts"
import { markup, nothing } from "../markup.ts"
import type { Markup } from "../markup.ts"
import { familyNames, faultWords } from "../words/faults.ts"
import type { FaultFamily } from "../words/faults.ts"
import { folded, legend, scrolling, section } from "./parts.ts"

export const timelineSection = (result: RunResult): Markup =>
  section(
    "timeline",
    "Timeline",
    markup`<p>When which fault struck which broker, in minutes and seconds from the beginning.</p>`,
    scrolling("Timeline of faults", drawFaultLanes(result)),
    faultLegend(result),
    leaders(result),
  )

const families: ReadonlyArray<FaultFamily> = ["process", "network", "disk", "cluster", "client"]

function faultLegend({ faults }: RunResult): Markup {
  const seen = new Set(faults.map(({ plan }) => faultWords(plan.kind).family))
  const missed = faults.some((fault) => !fault.effective)
  return legend([
    ...families
      .filter((family) => seen.has(family))
      .map((family) => ({ className: `family-${family}`, name: familyNames[family] })),
    ...(missed ? [{ className: "missed", name: "hatched: had no effect" }] : []),
  ])
}

const rowsMax = 12
const restlessMax = 8
const rowHeight = 20
const rowsLegibleMax = 300

function leaders(result: RunResult): Markup {
  const all = reignsOf(result.leaders, result.phases.endMs)
  if (all.length === 0) return nothing
  const colours = legend([
    ...brokersOf(result).map((node) => ({
      className: brokerClass(node),
      name: `broker ${node}`,
    })),
    { className: brokerClass(-1), name: "nobody" },
  ])
  const head = markup`
    <h3>Who led which partition</h3>
    <p>The numbers: the broker, and the leader epoch, which grows whenever a new leader begins.
    ${" "}${shownText(all)}</p>`
  const shown = shownOf(all)
  const low = all.length > rowsLegibleMax ? 5 : 9
  const rest =
    shown.length === all.length
      ? nothing
      : folded(`All ${counted(all.length, "partition")}`, lanesOf(all, result, low))
  return markup`${head}${lanesOf(shown, result, rowHeight)}${colours}${rest}`
}

const shownText = (all: ReadonlyArray<PartitionReigns>): string =>
  shownOf(all).length === all.length
    ? ""
    : "Shown are the run's own topics; where they are many, those that changed most often."

/** The brokers' own topics are of interest when there is no other. */
function shownOf(all: ReadonlyArray<PartitionReigns>): ReadonlyArray<PartitionReigns> {
  const ofUsers = all.filter(({ partition }) => !partition.startsWith("__"))
  const candidates = ofUsers.length > 0 ? ofUsers : all
  return candidates.length <= rowsMax ? candidates : mostRestless(candidates, restlessMax)
}

const lanesOf = (rows: ReadonlyArray<PartitionReigns>, result: RunResult, height: number): Markup =>
  scrolling("Leaders by partition", drawLeaderLanes(rows, result, height))
