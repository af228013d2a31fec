import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { ProcessClock } from "../../src/broker/clock.ts"

function clockAt(wallMs: number) {
  const time = { wall: wallMs, monotonic: 0 }
  const clock = new ProcessClock({ wallMs: () => time.wall, monotonicMs: () => time.monotonic })
  const pass = (ms: number, wallMs_ = ms) => {
    time.monotonic += ms
    time.wall += wallMs_
    return clock.wallMs()
  }
  return { time, clock, pass }
}

/** Time that passes, and what the wall clock makes of it. */
const steps = fc.array(
  fc.record({ ms: fc.integer({ min: 0, max: 1000 }), wall: fc.integer({ min: -9e9, max: 9e9 }) }),
)

describe("the time of timestamps", () => {
  test("is the wall clock while that behaves", () => {
    const { clock, pass } = clockAt(1_000_000)
    expect(clock.wallMs()).toBe(1_000_000)
    expect(pass(25)).toBe(1_000_025)
    expect(pass(10_000)).toBe(1_010_025)
  })

  test("catches up with one set forward by an hour by a tenth of the time that passes", () => {
    const { time, clock, pass } = clockAt(0)
    time.wall += 3_600_000
    expect(clock.wallMs()).toBe(0)
    expect(pass(100)).toBe(110)
    for (let i = 0; i < 10 * 3600; i++) pass(1000)
    expect(clock.wallMs()).toBe(time.wall)
  })

  test("is slowed by one set back and never turned", () => {
    const { time, pass } = clockAt(10_000_000)
    time.wall -= 60_000
    expect(pass(100)).toBe(10_000_090)
    for (let i = 0; i < 600; i++) pass(1000)
    expect(pass(0)).toBe(time.wall)
  })

  test("never runs backwards and never gains more than it may, whatever the wall does", () => {
    fc.assert(
      fc.property(steps, (list) => {
        const { clock, pass } = clockAt(1e12)
        let last = clock.wallMs()
        for (const { ms, wall } of list) {
          const now = pass(ms, wall)
          expect(now).toBeGreaterThanOrEqual(last)
          expect(now - last).toBeLessThanOrEqual(1.1 * ms + 1)
          last = now
        }
      }),
    )
  })
})

test("the time that passes begins at the wall clock's and is moved by no wall clock", () => {
  fc.assert(
    fc.property(steps, (list) => {
      const { time, clock, pass } = clockAt(1e12)
      expect(clock.nowMs()).toBe(1e12)
      for (const { ms, wall } of list) {
        pass(ms, wall)
        expect(clock.nowMs()).toBe(1e12 + time.monotonic)
      }
    }),
  )
})
