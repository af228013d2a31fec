import { describe, expect, test } from "bun:test"
import { Inbox } from "../../../src/chaos/drivers/foreign/inbox.ts"
import type { Answer, Batch, SendCommand } from "../../../src/chaos/drivers/foreign/lines.ts"
import { Outbox } from "../../../src/chaos/drivers/foreign/outbox.ts"
import type { SendPortion } from "../../../src/chaos/drivers/foreign/outbox.ts"

/** What lies between the commands of a run and a client that others wrote. */

const command = (n: number, partition = 0): SendCommand => ({
  do: "send",
  n,
  topic: "t",
  partition,
  key: null,
  value: "",
  timestamp: 1,
})

/** Everything that is answered while `commands` are sent by `send`. */
async function answersOf(send: SendPortion, ...commands: ReadonlyArray<SendCommand>) {
  const answers: Array<Answer> = []
  let opened = 0
  const outbox = new Outbox(
    () => {
      opened++
      return Promise.resolve({ send, close: () => Promise.resolve() })
    },
    (one) => void answers.push(one),
  )
  const ended = outbox.run()
  for (const one of commands) outbox.push(one)
  outbox.end()
  await ended
  return { answers: answers.slice(1), opened }
}

const refuse: SendPortion = (_, partition) =>
  partition === 0 ? Promise.reject(new Error("late\nor never")) : Promise.resolve(5)

const batch = (partition: number, ...offsets: ReadonlyArray<number>): Batch => ({
  topic: "t",
  partition,
  from: -1,
  highWatermark: -1,
  records: offsets.map((offset) => [offset, null]),
})

const polled = (...batches: ReadonlyArray<Batch>) => polledFrom(new Inbox(), ...batches)

async function polledFrom(inbox: Inbox, ...batches: ReadonlyArray<Batch>) {
  for (const one of batches) void inbox.give(one)
  const answers: Array<Answer> = []
  await inbox.poll((one) => void answers.push(one))
  const [answer] = answers
  if (answer?.is !== "polled") throw new Error("no answer to the poll")
  return answer.batches.map(({ partition, records }) => {
    return `${partition}: ${records.map(([offset]) => offset).join(" ")}`
  })
}

describe("what a library is to send", () => {
  test("goes by partition, in its order, and each record has its own offset", async () => {
    const sent: Array<string> = []
    const { answers } = await answersOf(
      (_, partition, records) => {
        sent.push(`${partition}: ${records.map(({ n }) => n).join(" ")}`)
        return Promise.resolve(10 * partition)
      },
      command(0),
      command(1, 1),
      command(2),
    )
    expect(sent).toEqual(["0: 0 2", "1: 1"])
    expect(answers).toContainEqual({ is: "ok", n: 2, session: 0, offset: 1 })
    expect(answers).toContainEqual({ is: "ok", n: 1, session: 0, offset: 10 })
  })

  test("an error leaves its portion unknown, and begins a client anew", async () => {
    const { answers, opened } = await answersOf(refuse, command(0), command(1, 1))
    expect(opened).toBe(2)
    expect(answers.toSorted((a, b) => a.is.localeCompare(b.is))).toEqual([
      { is: "ok", n: 1, session: 0, offset: 5 },
      { is: "unknown", n: 0, session: 0, error: "Error: late or never" },
    ])
  })
})

describe("what a library has read", () => {
  test("is one answer as long as it goes on", async () => {
    expect(await polled(batch(0, 1, 2), batch(0, 3), batch(1, 3), batch(0, 4))).toEqual([
      "0: 1 2 3",
      "1: 3",
      "0: 4",
    ])
  })

  test("and another where it begins again further in front", async () => {
    expect(await polled(batch(0, 4, 5), batch(0, 4), batch(0, 5))).toEqual(["0: 4 5", "0: 4 5"])
  })

  test("misses nothing between two readers that take turns, where a library has such", async () => {
    const turns = [batch(0, 6), batch(0, 7), batch(0, 5), batch(0, 6), batch(0, 8)]
    expect(await polled(...turns)).toEqual(["0: 6 7", "0: 5 6 8"])
    expect(await polledFrom(new Inbox(false), ...turns)).toEqual(["0: 6 7", "0: 5 6", "0: 8"])
  })

  test("whoever gives waits while nobody asks", async () => {
    const inbox = new Inbox()
    const many = batch(0, ...Array.from({ length: 5000 }, (_, i) => i))
    let given = false
    void inbox.give(many).then(() => (given = true))
    await Bun.sleep(5)
    expect(given).toBe(false)
    await inbox.poll(() => undefined)
    await Bun.sleep(0)
    expect(given).toBe(true)
  })
})
