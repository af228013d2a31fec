import { expect, test } from "bun:test"
import * as fc from "fast-check"
import type { ProducerEnvelope } from "../../src/partition/producer-batch.ts"
import { ProducerState, ProducerTail } from "../../src/partition/producer-state.ts"

const limits = { expirationMs: 50, producersMax: 100 }

interface Write {
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly count: number
  readonly elapsedMs: number
}

const write: fc.Arbitrary<Write> = fc.record({
  producerId: fc.integer({ min: 0, max: 2 }),
  producerEpoch: fc.integer({ min: 0, max: 2 }),
  baseSequence: fc.constantFrom(0, 1, 2, 3, 2 ** 31 - 2, 2 ** 31 - 1),
  count: fc.integer({ min: 1, max: 3 }),
  elapsedMs: fc.constantFrom(0, 1, 10, 40, 60),
})

/** The accepted ones of these writes, as the entries of a log, with what was said to each. */
function append(writes: ReadonlyArray<Write>) {
  const tail = new ProducerTail(new ProducerState(limits))
  const log: Array<ProducerEnvelope> = []
  const said: Array<string> = []
  let appendMs = 1000
  let firstOffset = 0
  for (const { producerId, producerEpoch, baseSequence, count, elapsedMs } of writes) {
    appendMs += elapsedMs
    const lastOffsetDelta = count - 1
    const asked = { producerId, producerEpoch, baseSequence, lastOffsetDelta, appendMs }
    const verdict = tail.check(asked)
    said.push(JSON.stringify(verdict))
    if (verdict._tag !== "accept") continue
    const entry = {
      index: log.length + 1,
      appendMs,
      firstOffset,
      lastOffset: firstOffset + lastOffsetDelta,
      maxTimestamp: appendMs,
      producerId,
      producerEpoch,
      baseSequence,
    }
    firstOffset += count
    tail.append(entry)
    log.push(entry)
  }
  return { log, said }
}

test("a verdict does not depend on how much of the log is committed", () => {
  fc.assert(
    fc.property(fc.array(write, { maxLength: 40, size: "max" }), fc.nat(), (writes, lag) => {
      const { log, said } = append(writes)
      const state = new ProducerState(limits)
      const tail = new ProducerTail(state)
      const lagging: Array<ProducerEnvelope> = []
      let appendMs = 1000
      let appended = 0
      writes.forEach(({ producerId, producerEpoch, baseSequence, count, elapsedMs }, i) => {
        appendMs += elapsedMs
        const lastOffsetDelta = count - 1
        const asked = { producerId, producerEpoch, baseSequence, lastOffsetDelta, appendMs }
        const verdict = tail.check(asked)
        expect(JSON.stringify(verdict)).toBe(said[i]!)
        if (verdict._tag !== "accept") return
        tail.append(log[appended]!)
        lagging.push(log[appended++]!)
        while (lagging.length > lag % 7) {
          const entry = lagging.shift()!
          state.apply(entry)
          tail.applied(entry)
        }
      })
      for (const entry of lagging) {
        state.apply(entry)
        tail.applied(entry)
      }
      expect(tail.size).toBe(0)
      const again = new ProducerState(limits)
      for (const entry of log) again.apply(entry)
      expect(state.snapshot()).toEqual(again.snapshot())
    }),
    { numRuns: 300 },
  )
})

test("a leader change keeps the verdicts: the tail is built again from the entries above the applied one", () => {
  fc.assert(
    fc.property(
      fc.array(write, { maxLength: 40, size: "max" }),
      fc.nat(),
      write,
      (writes, cut, next) => {
        const { log } = append(writes)
        const applied = log.length === 0 ? 0 : cut % (log.length + 1)
        const verdicts = [log.length, applied].map((committed) => {
          const state = new ProducerState(limits)
          for (const entry of log.slice(0, committed)) state.apply(entry)
          const tail = new ProducerTail(state)
          for (const entry of log.slice(committed)) tail.append(entry)
          const appendMs = (log.at(-1)?.appendMs ?? 0) + next.elapsedMs
          return tail.check({ ...next, lastOffsetDelta: next.count - 1, appendMs })
        })
        expect(verdicts[0]).toEqual(verdicts[1])
      },
    ),
    { numRuns: 300 },
  )
})

test("never more than five batches of a producer, never more producers than allowed", () => {
  const state = new ProducerState({ expirationMs: 1000, producersMax: 10 })
  for (let index = 1; index <= 500; index++) {
    const envelope = { index, appendMs: 0, firstOffset: index, lastOffset: index, maxTimestamp: 0 }
    const sequence = { producerId: index % 17, producerEpoch: 0, baseSequence: index }
    state.apply({ ...envelope, ...sequence })
  }
  expect(state.size).toBe(10)
  for (const { batches } of state.snapshot()) expect(batches.length).toBeLessThanOrEqual(5)
})
