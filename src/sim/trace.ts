/**
 * What happened in a run, event by event, as plain data: one line of JSON each. Only replays are
 * traced; a campaign has no time for it.
 */
import type { CommitNumber, GroupId, GroupWrite } from "../../storage/wal.ts"
import type { PeerFrame } from "../peer/codec.ts"
import type { Fault } from "./faults.ts"
import { frameText } from "./frame-text.ts"
import type { Operation } from "../chaos/history/history.ts"
import type { Alarm } from "./result.ts"
import type { Observer, SubjectBroker } from "./subject.ts"

/** Times are simulated milliseconds since the run began. */
export type TraceEvent = { readonly atMs: number } & (
  | { readonly _tag: "start" | "stop" | "damage"; readonly broker: number }
  | { readonly _tag: "fault"; readonly fault: Fault }
  | {
      readonly _tag: "write"
      readonly broker: number
      readonly commit: CommitNumber
      readonly groups: ReadonlyArray<WrittenGroup>
    }
  | { readonly _tag: "durable"; readonly broker: number; readonly through: CommitNumber }
  | {
      readonly _tag: "send" | "receive"
      readonly from: number
      readonly to: number
      readonly frame: PeerFrame["_tag"]
      readonly group?: GroupId
      /** Of Raft's messages. */
      readonly message?: string
      readonly term?: number
      readonly text: string
    }
  | { readonly _tag: "note"; readonly text: string }
  | ({ readonly _tag: "alarm" } & Omit<Alarm, "atMs">)
)

export interface WrittenGroup {
  readonly group: GroupId
  readonly cut?: number
  /** First and last index, and their terms. */
  readonly entries?: string
  readonly term?: number
  readonly votedFor?: string | null
  readonly commitIndex?: number
  readonly standing?: string
}

/** Older events are given up: what comes just before the alarm matters. */
const eventsMax = 400_000

export class Recorder implements Observer {
  readonly #events: Array<TraceEvent> = []
  /** The brokers' own log lines, the newest. */
  log: ReadonlyArray<string> = []
  /** What the clients asked, and what they were answered. */
  history: ReadonlyArray<Operation> = []
  #nowMs: () => number = () => 0
  #dropped = 0

  /** From here on; `nowMs`: since the run began. */
  begin(nowMs: () => number): void {
    this.#nowMs = nowMs
  }

  get events(): ReadonlyArray<TraceEvent> {
    return this.#events
  }

  get dropped(): number {
    return this.#dropped
  }

  started({ id }: SubjectBroker): void {
    this.#add({ atMs: this.#nowMs(), _tag: "start", broker: id })
  }

  stopped({ id }: SubjectBroker): void {
    this.#add({ atMs: this.#nowMs(), _tag: "stop", broker: id })
  }

  damaged({ id }: SubjectBroker): void {
    this.#add({ atMs: this.#nowMs(), _tag: "damage", broker: id })
  }

  wrote({ id }: SubjectBroker, commit: CommitNumber, writes: ReadonlyArray<GroupWrite>): void {
    const groups = writes.map(writtenGroup)
    this.#add({ atMs: this.#nowMs(), _tag: "write", broker: id, commit, groups })
  }

  durable({ id }: SubjectBroker, through: CommitNumber): void {
    this.#add({ atMs: this.#nowMs(), _tag: "durable", broker: id, through })
  }

  sent({ id }: SubjectBroker, to: number, frame: PeerFrame): void {
    this.#add(carried("send", this.#nowMs(), id, to, frame))
  }

  received({ id }: SubjectBroker, from: number, frame: PeerFrame): void {
    this.#add(carried("receive", this.#nowMs(), from, id, frame))
  }

  injected(fault: Fault): void {
    this.#add({ atMs: this.#nowMs(), _tag: "fault", fault })
  }

  note(text: string): void {
    this.#add({ atMs: this.#nowMs(), _tag: "note", text })
  }

  alarm({ atMs, kind, detail }: Alarm): void {
    this.#add({ atMs, _tag: "alarm", kind, detail })
  }

  #add(event: TraceEvent): void {
    this.#events.push(event)
    if (this.#events.length < 2 * eventsMax) return
    this.#events.splice(0, eventsMax)
    this.#dropped += eventsMax
  }
}

function carried(
  _tag: "send" | "receive",
  atMs: number,
  from: number,
  to: number,
  frame: PeerFrame,
): TraceEvent {
  const base = { atMs, _tag, from, to, frame: frame._tag, text: frameText(frame) }
  if (frame._tag !== "Raft") return base
  const { group, message } = frame
  return { ...base, group, message: message._tag, term: message.term }
}

function writtenGroup({ group, cut, entries, hardState }: GroupWrite): WrittenGroup {
  const first = entries[0]
  const last = entries.at(-1)
  return {
    group,
    ...(cut !== undefined && { cut: cut.cut.index }),
    ...(first !== undefined &&
      last !== undefined && {
        entries: `${first.term}.${first.index}..${last.term}.${last.index}`,
      }),
    ...(hardState !== undefined && {
      term: hardState.term,
      votedFor: hardState.votedFor,
      commitIndex: hardState.commitIndex,
      standing: hardState.standing,
    }),
  }
}

export const traceLines = (events: ReadonlyArray<TraceEvent>): string =>
  events.map((event) => `${JSON.stringify(event)}\n`).join("")
