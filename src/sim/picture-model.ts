/** From a trace to what a picture shows: the last messages of one group before the alarm. */
import type { GroupId } from "../../storage/wal.ts"
import type { Mark, PictureMessage, PictureModel, Span } from "./picture.ts"
import type { TraceEvent } from "./trace.ts"

/** More arrows than this cannot be read. */
const messagesMax = 120

type Carried = Extract<TraceEvent, { readonly _tag: "send" | "receive" }>

export interface PictureOptions {
  readonly title: string
  readonly brokers: number
  /** Undefined: the group that was busiest at the end. */
  readonly group?: GroupId
}

export function pictureModel(
  events: ReadonlyArray<TraceEvent>,
  { title, brokers, group }: PictureOptions,
): PictureModel {
  const shown = group ?? groupOfAlarm(events) ?? busiestGroup(events)
  const messages = messagesOf(events, shown).slice(-messagesMax)
  const fromMs = messages[0]?.sentMs ?? 0
  const endMs = Math.max(events.at(-1)?.atMs ?? 0, messages.at(-1)?.sentMs ?? 0)
  const window = events.filter(({ atMs }) => atMs >= fromMs)
  return {
    title: `${title} — group ${shown}`,
    lanes: Array.from({ length: brokers }, (_, i) => `broker ${i}`),
    spans: [...downSpans(events, fromMs, endMs), ...leaderSpans(messages)],
    marks: marksOf(window, shown, brokers),
    messages,
  }
}

function groupOfAlarm(events: ReadonlyArray<TraceEvent>): GroupId | undefined {
  const alarm = events.findLast(({ _tag }) => _tag === "alarm")
  const found = alarm?._tag === "alarm" ? /group (\d+)/.exec(alarm.detail)?.[1] : undefined
  return found === undefined ? undefined : Number(found)
}

function busiestGroup(events: ReadonlyArray<TraceEvent>): GroupId {
  const counts = new Map<GroupId, number>()
  for (const event of events.slice(-5_000)) {
    if (event._tag !== "send" || event.group === undefined) continue
    counts.set(event.group, (counts.get(event.group) ?? 0) + 1)
  }
  return [...counts].toSorted(([, a], [, b]) => b - a)[0]?.[0] ?? 0
}

const key = ({ from, to, text }: Carried) => `${from} ${to} ${text}`

/** Sent and received are matched by what they say, first come first matched. */
function messagesOf(
  events: ReadonlyArray<TraceEvent>,
  group: GroupId,
): ReadonlyArray<PictureMessage> {
  const arrivals = new Map<string, Array<number>>()
  for (const event of events) {
    if (event._tag !== "receive" || event.group !== group) continue
    const times = arrivals.get(key(event))
    if (times === undefined) arrivals.set(key(event), [event.atMs])
    else times.push(event.atMs)
  }
  return events.flatMap((event): ReadonlyArray<PictureMessage> => {
    if (event._tag !== "send" || event.group !== group) return []
    const times = arrivals.get(key(event)) ?? []
    // What arrived before it was sent was an older one that said the same.
    while (times.length > 0 && (times[0] ?? 0) < event.atMs) times.shift()
    const { from, to, atMs: sentMs, text } = event
    return [{ from, to, sentMs, arrivedMs: times.shift() ?? null, kind: kindOf(event), text }]
  })
}

function kindOf({ message = "" }: Carried): PictureMessage["kind"] {
  if (message.endsWith("Vote") || message.endsWith("VoteResponse")) return "vote"
  if (message === "AppendEntries" || message === "InstallSnapshot") return "append"
  return message.endsWith("Response") ? "answer" : "other"
}

function downSpans(
  events: ReadonlyArray<TraceEvent>,
  fromMs: number,
  endMs: number,
): ReadonlyArray<Span> {
  const spans: Array<Span> = []
  const since = new Map<number, number>()
  const close = (lane: number, toMs: number) => {
    const start = since.get(lane)
    since.delete(lane)
    if (start === undefined || toMs < fromMs) return
    spans.push({ lane, fromMs: Math.max(start, fromMs), toMs, kind: "down" })
  }
  for (const event of events) {
    if (event._tag === "stop") since.set(event.broker, event.atMs)
    if (event._tag === "start") close(event.broker, event.atMs)
  }
  for (const lane of since.keys()) close(lane, endMs)
  return spans
}

/** A broker that sends AppendEntries leads. */
function leaderSpans(messages: ReadonlyArray<PictureMessage>): ReadonlyArray<Span> {
  const spans = new Map<string, Span>()
  for (const { from, sentMs, kind, text } of messages) {
    if (kind !== "append") continue
    const term = /t\d+/.exec(text)?.[0] ?? ""
    const known = spans.get(`${from} ${term}`)
    const fromMs = known?.fromMs ?? sentMs
    spans.set(`${from} ${term}`, { lane: from, fromMs, toMs: sentMs, kind: "leader" })
  }
  return [...spans.values()]
}

function marksOf(
  events: ReadonlyArray<TraceEvent>,
  group: GroupId,
  brokers: number,
): ReadonlyArray<Mark> {
  const campaigns = new Set<string>()
  return events.flatMap((event): ReadonlyArray<Mark> => {
    const { atMs } = event
    switch (event._tag) {
      case "fault": {
        const { _tag, atMs: _, ...rest } = event.fault
        const details = JSON.stringify(rest).replaceAll(/[{}"]/g, "")
        return [{ lane: laneOf(rest, brokers), atMs, kind: "fault", text: `${_tag} ${details}` }]
      }
      case "damage":
        return [{ lane: event.broker, atMs, kind: "fault", text: "durable data damaged" }]
      case "send": {
        const campaign = `${event.from} ${event.term}`
        const isVote = event.group === group && event.message === "RequestVote"
        if (!isVote || campaigns.has(campaign)) return []
        campaigns.add(campaign)
        return [{ lane: event.from, atMs, kind: "election", text: `campaigns in t${event.term}` }]
      }
      case "alarm":
        return [{ lane: 0, atMs, kind: "alarm", text: `${event.kind}: ${event.detail}` }]
      default:
        return []
    }
  })
}

function laneOf(fault: object, brokers: number): number {
  const named = "broker" in fault ? fault.broker : "from" in fault ? fault.from : 0
  return typeof named === "number" && named < brokers ? named : 0
}
