import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { Timers } from "../../src/coordinator/timers.ts"

describe("timers", () => {
  test("fire once, in order of their deadlines, not before", () => {
    const timers = new Timers()
    const fired: Array<string> = []
    for (const [key, at] of [
      ["b", 20],
      ["a", 10],
      ["c", 30],
    ] as const) {
      timers.set(key, at, () => fired.push(key))
    }
    timers.poll(9)
    expect(fired).toEqual([])
    timers.poll(20)
    expect(fired).toEqual(["a", "b"])
    timers.poll(100)
    timers.poll(200)
    expect(fired).toEqual(["a", "b", "c"])
  })

  test("what is set again and again stays one item", () => {
    const timers = new Timers()
    let fired = 0
    for (let now = 0; now < 10_000; now++) {
      timers.set("s", now + 100, () => fired++)
      timers.poll(now)
    }
    expect(fired).toBe(0)
    timers.poll(10_098)
    expect(fired).toBe(0)
    timers.poll(10_099)
    expect(fired).toBe(1)
    expect(timers.has("s")).toBe(false)
  })

  test("one that is due and set by another fires in the next poll", () => {
    const timers = new Timers()
    const fired: Array<string> = []
    const again = () => {
      fired.push("again")
      timers.set("again", 0, again)
    }
    timers.set("a", 1, () => timers.set("b", 2, () => fired.push("b")))
    timers.set("again", 0, again)
    timers.poll(5)
    expect(fired).toEqual(["again"])
    timers.poll(5)
    expect(fired).toEqual(["again", "again", "b"])
  })

  test("as a table of deadlines would", () => {
    const key = fc.constantFrom("a", "b", "c", "d")
    const action = fc.oneof(
      fc.record({ _tag: fc.constant("set" as const), key, inMs: fc.nat(50) }),
      fc.record({ _tag: fc.constant("cancel" as const), key }),
      fc.record({ _tag: fc.constant("pass" as const), ms: fc.nat(40) }),
    )
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const timers = new Timers()
        const model = new Map<string, number>()
        const fired: Array<string> = []
        let now = 0
        for (const one of actions) {
          if (one._tag === "set") {
            const deadline = now + one.inMs
            timers.set(one.key, deadline, (at) => fired.push(`${one.key} ${deadline} ${at}`))
            model.set(one.key, deadline)
          } else if (one._tag === "cancel") {
            timers.cancel(one.key)
            model.delete(one.key)
          } else {
            now += one.ms
            timers.poll(now)
            const due = [...model].filter(([, at]) => at <= now)
            for (const [name] of due) model.delete(name)
            const expected = due.map(([name, at]) => `${name} ${at} ${now}`)
            expect(fired.splice(0).toSorted()).toEqual(expected.toSorted())
          }
          expect(timers.size).toBe(model.size)
          for (const [name, at] of model) expect(timers.deadlineMs(name)).toBe(at)
        }
      }),
    )
  })
})
