/** The loop of every member in TypeScript; PROTOCOL.md says what it is asked and answers. */
import { writeSync } from "node:fs"
import { createInterface } from "node:readline"
import { parseArgs } from "node:util"

export interface MemberRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly value: Uint8Array | null
}

export interface Owned {
  readonly member: string
  /** −1: not known. */
  readonly generation: number
  readonly partitions: ReadonlyArray<readonly [topic: string, partition: number]>
}

export type OffsetsToCommit = ReadonlyArray<
  readonly [topic: string, partition: number, offset: number, tag: string]
>

export interface LoopedMember {
  poll(waitMs: number): Promise<ReadonlyArray<MemberRecord>>
  owned(): Owned
  /** Gives in whose name it was sent, where that is known. */
  commit(
    offsets: OffsetsToCommit,
  ): Promise<{ readonly member: string; readonly generation: number } | undefined>
  leave(): Promise<void>
}

type Question =
  | { readonly n: number; readonly ask: "poll"; readonly waitMs: number }
  | { readonly n: number; readonly ask: "commit"; readonly offsets: OffsetsToCommit }
  | { readonly n: number; readonly ask: "leave" }

export const memberArguments = () => {
  const { values } = parseArgs({
    options: {
      bootstrap: { type: "string", default: "127.0.0.1:9092" },
      topics: { type: "string", default: "t" },
      group: { type: "string", default: "g" },
      session: { type: "string", default: "6000" },
      strategy: { type: "string", default: "range" },
    },
  })
  const { bootstrap, topics, group, session, strategy } = values
  return {
    bootstrap: bootstrap.split(","),
    topics: topics.split(","),
    group,
    sessionTimeoutMs: Number(session),
    strategy,
  }
}

const standardOutput = 1

/** Until it is told to leave, or standard input ends. */
export async function serveMember(member: LoopedMember): Promise<void> {
  let told = ""
  for await (const line of createInterface({ input: process.stdin })) {
    // Written by the program that started this one.
    const question: Question = JSON.parse(line)
    const answer: Record<string, unknown> = { n: question.n }
    try {
      if (question.ask === "poll") answer["records"] = grouped(await member.poll(question.waitMs))
      else if (question.ask === "commit") {
        Object.assign(answer, await member.commit(question.offsets))
      } else {
        await member.leave()
        process.exit(0)
      }
    } catch (error) {
      answer["error"] = String(error).split("\n")[0]
    }
    const owned = JSON.stringify(member.owned())
    if (question.ask === "poll" && owned !== told) {
      told = owned
      answer["owned"] = JSON.parse(owned)
    }
    say(`${JSON.stringify(answer)}\n`)
  }
  process.exit(0)
}

function grouped(records: ReadonlyArray<MemberRecord>) {
  const found = Map.groupBy(records, ({ topic, partition }) => `${topic}/${partition}`)
  return [...found.values()].map((own) => [
    own[0]?.topic ?? "",
    own[0]?.partition ?? -1,
    own.map(({ offset, value }) => [offset, value && Buffer.from(value).toString("base64")]),
  ])
}

function say(text: string): void {
  const bytes = new TextEncoder().encode(text)
  let at = 0
  while (at < bytes.length) {
    try {
      at += writeSync(standardOutput, bytes, at)
    } catch (error) {
      const isFull = error instanceof Error && "code" in error && error.code === "EAGAIN"
      if (!isFull) throw error
    }
  }
}
