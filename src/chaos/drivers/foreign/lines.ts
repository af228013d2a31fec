/**
 * A client in a process of its own: commands as lines of JSON on its standard input, answers on its
 * standard output. DESIGN.md says what they are. The end of its input ends the process.
 */
export interface SendCommand {
  readonly do: "send"
  readonly n: number
  readonly topic: string
  readonly partition: number
  readonly key: string | null
  /** base64 */
  readonly value: string
  /** ms since the epoch. */
  readonly timestamp: number
}

export type Command = SendCommand | { readonly do: "poll" } | { readonly do: "end" }

/** offset, value in base64. */
export type ReadRecord = readonly [offset: number, value: string | null]

/** What one fetch of the client brought; −1: the client does not tell. */
export interface Batch {
  readonly topic: string
  readonly partition: number
  readonly from: number
  readonly highWatermark: number
  readonly records: ReadonlyArray<ReadRecord>
}

export type Answer =
  | { readonly is: "ready" }
  /**
   * `session`: a new one whenever the client began anew, so that its own order is not kept.
   * `offset`: null when the client was not told (librdkafka, of a batch that the broker had).
   */
  | {
      readonly is: "ok"
      readonly n: number
      readonly session: number
      readonly offset: number | null
    }
  /** "fail": it never left this process. */
  | {
      readonly is: "unknown" | "fail"
      readonly n: number
      readonly session: number
      readonly error: string
    }
  | { readonly is: "polled"; readonly batches: ReadonlyArray<Batch> }
  /** For people. */
  | { readonly is: "trouble"; readonly error: string }

export const answer = (one: Answer): void => {
  process.stdout.write(`${JSON.stringify(one)}\n`)
}

export const errorText = (error: unknown): string =>
  String(error).replaceAll("\n", " ").slice(0, 200)

/** Every command in its order. Resolves when the input ends. */
export async function commands(take: (command: Command) => void): Promise<void> {
  const decoder = new TextDecoder()
  let rest = ""
  for await (const chunk of Bun.stdin.stream()) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) {
      const command: Command = JSON.parse(line)
      take(command)
    }
  }
}

/** What was asked of it once, by the words it was started with. */
export interface Task {
  readonly role: "producer" | "consumer"
  readonly bootstrap: ReadonlyArray<string>
  readonly clientId: string
  readonly topics: ReadonlyArray<string>
  /** How many, of each topic. */
  readonly partitions: ReadonlyArray<number>
  readonly idempotent: boolean
  readonly group: string
}

export function taskOf(words: ReadonlyArray<string>): Task {
  const task: Task = JSON.parse(words[0] ?? "{}")
  return task
}
