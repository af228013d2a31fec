import { expect, test } from "bun:test"
import { metadataKey, Waiting } from "../../src/node/waiting.ts"

const recorder = () => {
  const seen: string[] = []
  const waiter = (name: string, keys: number[], deadlineMs: number, done = true) => ({
    keys,
    deadlineMs,
    retry: (_nowMs: number, expired: boolean) => {
      seen.push(expired ? `${name}!` : name)
      return done || expired
    },
  })
  return { seen, waiter }
}

test("a wake asks those that wait for the key, in the order of their tokens, once per run", () => {
  const { seen, waiter } = recorder()
  const waiting = new Waiting()
  waiting.add(3, waiter("c", [7], 1000))
  waiting.add(1, waiter("a", [7, 8], 1000))
  waiting.add(2, waiter("b", [9], 1000))
  waiting.wake(8)
  waiting.wake(7)
  expect(seen).toEqual([])
  waiting.run(0)
  expect(seen).toEqual(["a", "c"])
  expect(waiting.size).toBe(1)
  waiting.wake(7)
  waiting.run(0)
  expect(seen).toEqual(["a", "c"])
})

test("who is not satisfied goes on waiting, until its deadline", () => {
  const { seen, waiter } = recorder()
  const waiting = new Waiting()
  waiting.add(1, waiter("a", [metadataKey], 100, false))
  waiting.add(2, waiter("b", [], Number.POSITIVE_INFINITY))
  waiting.wake(metadataKey)
  waiting.run(99)
  waiting.run(99)
  waiting.run(100)
  waiting.run(1e9)
  expect(seen).toEqual(["a", "a!"])
  expect(waiting.size).toBe(1)
  waiting.wakeToken(2)
  waiting.run(1e9)
  expect(seen).toEqual(["a", "a!", "b"])
})

test("a cancelled one is not asked, and a replaced one keeps its new question", () => {
  const { seen, waiter } = recorder()
  const waiting = new Waiting()
  waiting.add(1, waiter("gone", [5], 10))
  waiting.wake(5)
  waiting.remove(1)
  waiting.add(2, {
    keys: [5],
    deadlineMs: 1000,
    retry: () => {
      waiting.add(2, waiter("second", [6], 1000))
      return true
    },
  })
  waiting.wake(5)
  waiting.run(20)
  expect(seen).toEqual([])
  waiting.wake(6)
  waiting.run(20)
  expect(seen).toEqual(["second"])
  expect(waiting.size).toBe(0)
})
