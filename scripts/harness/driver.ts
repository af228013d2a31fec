import type { Acknowledged, Found } from "./ledger.ts"
import type { ForeignClient } from "./foreign.ts"
import { flags, runOrThrow } from "./run.ts"
import type { ReadRecord } from "./records.ts"

/** Clients behind one command line: see test/integration/drivers/driver.py. */

export interface Ack extends Acknowledged {
  /** Wall clock, when the client learned of it. */
  readonly atMs: number
}

export interface LoadOptions {
  readonly bootstrap: string
  readonly topic: string
  readonly partitions: number
  readonly name: string
  /** Records per second over all partitions. */
  readonly rate: number
  readonly idempotent: boolean
}

export interface LoadResult {
  readonly acks: ReadonlyArray<Ack>
  readonly errors: ReadonlyArray<string>
  readonly sent: number
}

/** A client that writes until it is told to end. */
export class Load {
  readonly acks: Array<Ack> = []
  readonly errors: Array<string> = []
  readonly options: LoadOptions
  private readonly child: Bun.Subprocess<"pipe", "pipe", "pipe">
  private readonly reading: Promise<void>
  private sent = -1

  constructor(client: ForeignClient, options: LoadOptions) {
    this.options = options
    this.child = Bun.spawn(
      [
        ...client.command,
        "load",
        ...flags({ bootstrap: options.bootstrap, topic: options.topic }),
        ...flags({ partitions: options.partitions, producer: options.name, rate: options.rate }),
        ...flags({ idempotent: options.idempotent }),
      ],
      { stdin: "pipe", stdout: "pipe", stderr: "pipe" },
    )
    this.reading = this.read()
  }

  /** Lets it send what it has taken, and gives everything it was told. */
  async finish(timeoutMs = 90_000): Promise<LoadResult> {
    await this.child.stdin.end()
    const timer = setTimeout(() => this.child.kill("SIGKILL"), timeoutMs)
    const stderr = await new Response(this.child.stderr).text()
    const code = await this.child.exited
    clearTimeout(timer)
    await this.reading
    if (code !== 0 || this.sent < 0) {
      throw new Error(`${this.options.name} ended with code ${code}:\n${stderr.slice(-2_000)}`)
    }
    return { acks: this.acks, errors: this.errors, sent: this.sent }
  }

  kill(): void {
    this.child.kill("SIGKILL")
  }

  private async read(): Promise<void> {
    const decoder = new TextDecoder()
    let rest = ""
    for await (const chunk of this.child.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n")
      rest = lines.pop() ?? ""
      for (const line of lines) this.take(line)
    }
  }

  private take(line: string): void {
    const [word, producer = "", partition, seq, offset, atMs] = line.split(" ")
    if (word === "ack") {
      this.acks.push({
        producer,
        partition: Number(partition),
        seq: Number(seq),
        offset: Number(offset),
        atMs: Number(atMs),
      })
    } else if (word === "err") this.errors.push(line)
    else if (word === "sent") this.sent = Number(producer)
  }
}

/** The load clients write NAME:SEQ. */
export function foundIn(records: ReadonlyArray<ReadRecord>): Array<Found> {
  return records.map((record) => {
    const [producer = "", seq] = String(record.value).split(":")
    return { producer, seq: Number(seq), partition: record.partition, offset: record.offset }
  })
}

export interface DriverRecord {
  readonly partition?: number
  readonly timestamp?: number
  readonly key?: string | null
  readonly value: string | null
  readonly headers?: ReadonlyArray<readonly [string, string]>
}

export interface DriverPlace {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
}

const lines = <A>(text: string): Array<A> =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line): A => JSON.parse(line))

/** Writes records (keys and values in base64) with a client, and gives where each one lies. */
export async function produceWith(
  client: ForeignClient,
  target: { readonly bootstrap: string; readonly topic: string; readonly compression?: string },
  records: ReadonlyArray<DriverRecord>,
): Promise<Array<DriverPlace>> {
  const { stdout } = await runOrThrow([...client.command, "produce", ...flags({ ...target })], {
    stdin: records.map((record) => JSON.stringify(record)).join("\n"),
  })
  return lines<DriverPlace>(stdout)
}

/** Reads a whole topic with a client by assignment. */
export async function consumeWith(
  client: ForeignClient,
  target: { readonly bootstrap: string; readonly topic: string },
): Promise<Array<DriverRecord & DriverPlace>> {
  const { stdout } = await runOrThrow([...client.command, "consume", ...flags({ ...target })])
  return lines<DriverRecord & DriverPlace>(stdout)
}
