import { describe, expect, test } from "bun:test"
import { followedBy, inBatches, Operations } from "../../src/coordinator/operations.ts"
import type { Step } from "../../src/coordinator/operations.ts"
import type { CoordinatorRecord } from "../../src/coordinator/ports.ts"
import { ErrorCode } from "../../src/protocol/error-codes.ts"

type Done = (error: ErrorCode) => void

const record = (name: string): CoordinatorRecord => ({ key: Buffer.from(name), value: null })

/** What was decided, and the appends that are open. */
const setUp = () => {
  const events: Array<string> = []
  const open: Array<Done> = []
  const operations = new Operations((records, done) => {
    events.push(`append ${records.map(({ key }) => key.toString()).join("+")}`)
    open.push(done)
  }, 0)
  const step = (name: string, records: ReadonlyArray<CoordinatorRecord>): Step => ({
    records,
    settled: (error) => {
      events.push(`${name} settled ${error}`)
    },
  })
  const run = (group: string, name: string, records = [record(name)]) =>
    operations.run(group, 0, () => {
      events.push(`decide ${name}`)
      return step(name, records)
    })
  const commit = (error: ErrorCode = ErrorCode.NONE) => open.shift()?.(error)
  return { operations, events, open, run, commit, step }
}

const share = (set: ReturnType<typeof setUp>, name: string, records = [record(name)]) =>
  set.operations.run("g", 0, () => set.step(name, records), true)

describe("operations of a group", () => {
  test("the second is decided when the first is applied", () => {
    const { run, events, commit } = setUp()
    run("g", "a")
    run("g", "b")
    expect(events).toEqual(["decide a", "append a"])
    commit()
    expect(events.slice(2)).toEqual(["a settled 0", "decide b", "append b"])
  })

  test("other groups do not wait", () => {
    const { run, events } = setUp()
    run("g", "a")
    run("h", "b")
    expect(events).toEqual(["decide a", "append a", "decide b", "append b"])
  })

  test("without records it is settled at once, and the next one goes on", () => {
    const { run, events, operations } = setUp()
    run("g", "a", [])
    run("g", "b")
    expect(events).toEqual(["decide a", "a settled 0", "decide b", "append b"])
    expect(operations.isIdle("g")).toBe(false)
  })

  test("a failed append is told, and the line goes on", () => {
    const { run, events, commit } = setUp()
    run("g", "a")
    run("g", "b")
    commit(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    expect(events.slice(2)).toEqual(["a settled 15", "decide b", "append b"])
  })

  test("a step that follows holds the line", () => {
    const { operations, run, events, commit, step } = setUp()
    operations.run("g", 0, () => ({
      records: [record("a1")],
      settled: () => step("a2", [record("a2")]),
    }))
    run("g", "b")
    commit()
    expect(events).toEqual(["append a1", "append a2"])
    commit()
    expect(events.slice(2)).toEqual(["a2 settled 0", "decide b", "append b"])
  })

  test("what is run from within an operation waits for its end", () => {
    const { operations, run, events } = setUp()
    operations.run("g", 0, () => {
      run("g", "inner", [])
      events.push("outer decided")
      return { records: [], settled: () => void events.push("outer settled") }
    })
    expect(events).toEqual(["outer decided", "outer settled", "decide inner", "inner settled 0"])
    expect(operations.isIdle("g")).toBe(true)
  })

  test("after closing nothing is decided and nothing is heard", () => {
    const { operations, run, events, commit } = setUp()
    run("g", "a")
    run("g", "b")
    operations.close()
    commit(ErrorCode.NOT_COORDINATOR)
    run("g", "c")
    expect(events).toEqual(["decide a", "append a"])
  })

  test("the time of a waiting one is that of its turn", () => {
    const { operations, commit } = setUp()
    const times: Array<number> = []
    const at = (nowMs: number): Step => {
      times.push(nowMs)
      return { records: [record("x")], settled: (_, settledMs) => void times.push(settledMs) }
    }
    operations.run("g", 10, at)
    operations.run("g", 20, at)
    operations.passTime(30)
    commit()
    expect(times).toEqual([10, 30, 30])
  })

  test("a line that nobody drains is full", () => {
    const { operations, run } = setUp()
    for (let i = 0; i < 10_001; i++) run("g", "a")
    expect(operations.isFull("g")).toBe(true)
    expect(operations.isFull("h")).toBe(false)
  })

  describe("that share batches", () => {
    test("are one batch, if they wait one behind the other", () => {
      const set = setUp()
      const { run, events, commit } = set
      for (const name of ["a", "b", "c"]) share(set, name)
      run("g", "d")
      share(set, "e")
      expect(events).toEqual(["append a"])
      commit()
      expect(events.splice(0)).toEqual(["append a", "a settled 0", "append b+c"])
      commit(ErrorCode.NOT_COORDINATOR)
      const settled = ["b settled 16", "c settled 16", "decide d", "append d"]
      expect(events.splice(0)).toEqual(settled)
      commit()
      expect(events).toEqual(["d settled 0", "append e"])
    })

    test("one that appends nothing does not fail with the others", () => {
      const set = setUp()
      const { events, commit } = set
      for (const name of ["a", "b"]) share(set, name)
      share(set, "none", [])
      commit()
      commit(ErrorCode.NOT_COORDINATOR)
      expect(events.slice(2)).toEqual(["append b", "b settled 16", "none settled 0"])
    })

    test("one that is too large goes by itself", () => {
      const set = setUp()
      const { events, commit } = set
      const large = Array.from({ length: 200_000 }, () => record("x"))
      for (const name of ["a", "b"]) share(set, name)
      share(set, "large", large)
      share(set, "c")
      commit()
      commit()
      expect(events.map((event) => event.slice(0, 20))).toEqual([
        "append a",
        "a settled 0",
        "append b",
        "b settled 0",
        "append x+x+x+x+x+x+x",
      ])
      commit()
      expect(events.slice(5)).toEqual(["large settled 0", "append c"])
    })
  })

  test("followedBy hears of the last step", () => {
    const { operations, events, commit, step } = setUp()
    const first: Step = { records: [record("a")], settled: () => step("b", [record("b")]) }
    operations.run("g", 0, () => followedBy(first, (error) => void events.push(`end ${error}`)))
    commit()
    commit(ErrorCode.NOT_COORDINATOR)
    expect(events).toEqual(["append a", "append b", "b settled 16", "end 16"])
  })

  test("many records go in batches of 5,000, until one fails", () => {
    const { operations, open, commit } = setUp()
    const ends: Array<ErrorCode> = []
    const records = Array.from({ length: 12_000 }, () => record("x"))
    const end = (error: ErrorCode) => void ends.push(error)
    operations.run("g", 0, () => inBatches(records, end))
    commit()
    commit()
    expect(ends).toEqual([])
    commit()
    expect(ends).toEqual([ErrorCode.NONE])
    operations.run("g", 0, () => inBatches(records, end))
    commit(ErrorCode.NOT_COORDINATOR)
    expect(ends).toEqual([ErrorCode.NONE, ErrorCode.NOT_COORDINATOR])
    expect(open.length).toBe(0)
  })
})
