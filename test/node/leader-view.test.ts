import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { LeaderView } from "../../src/node/leader-view.ts"

const quiet = () => new LeaderView(() => {})

test("a leader's report stands until a newer term", () => {
  const view = quiet()
  view.report({ group: 1, leader: 0, term: 3, isr: [0, 1] }, 0)
  view.report({ group: 1, leader: 2, term: 2, isr: [2] }, 2)
  view.observe(1, 1, 2)
  expect(view.state(1)).toEqual({ leader: 0, term: 3, isr: [0, 1] })
  view.observe(1, 1, 4)
  expect(view.state(1)).toEqual({ leader: 1, term: 4, isr: [0, 1] })
})

test("one that steps down leaves its term without a leader, and only its own", () => {
  const view = quiet()
  view.report({ group: 1, leader: 0, term: 3, isr: [0] }, 0)
  view.report({ group: 1, leader: -1, term: 3, isr: [] }, 1)
  expect(view.state(1).leader).toBe(0)
  view.report({ group: 1, leader: -1, term: 3, isr: [] }, 0)
  expect(view.state(1)).toMatchObject({ leader: -1, term: 3 })
  view.report({ group: 1, leader: 1, term: 4, isr: [1] }, 1)
  view.report({ group: 1, leader: -1, term: 3, isr: [] }, 0)
  expect(view.state(1)).toMatchObject({ leader: 1, term: 4 })
})

test("nobody reports for somebody else", () => {
  const view = quiet()
  view.report({ group: 1, leader: 0, term: 3, isr: [0] }, 1)
  expect(view.state(1).leader).toBe(-1)
})

test("a process that ended leads nothing, and the terms stay", () => {
  const view = quiet()
  view.report({ group: 1, leader: 0, term: 3, isr: [0] }, 0)
  view.report({ group: 2, leader: 1, term: 5, isr: [1] }, 1)
  view.leaderGone(0)
  expect(view.state(1)).toMatchObject({ leader: -1, term: 3 })
  expect(view.ledBy(1)).toEqual([2])
})

test("whatever is heard, terms never go back and no term has two leaders", () => {
  const heard = fc.record({
    kind: fc.constantFrom("report", "stepDown", "observe", "gone"),
    node: fc.integer({ min: 0, max: 2 }),
    term: fc.integer({ min: 1, max: 6 }),
  })
  fc.assert(
    fc.property(fc.array(heard, { maxLength: 40 }), (events) => {
      const leaders = new Map<number, number>()
      let term = 0
      const view = new LeaderView((_group, _before, after) => {
        expect(after.term).toBeGreaterThanOrEqual(term)
        term = after.term
        if (after.leader === -1) return
        expect(leaders.get(after.term) ?? after.leader).toBe(after.leader)
        leaders.set(after.term, after.leader)
      })
      for (const { kind, node, term: of } of events) {
        // Raft: of a term there is at most one leader; the drawn node leads only terms of its own.
        const leader = of % 3
        if (kind === "report") view.report({ group: 1, leader, term: of, isr: [leader] }, leader)
        else if (kind === "stepDown") view.report({ group: 1, leader: -1, term: of, isr: [] }, node)
        else if (kind === "observe") view.observe(1, leader, of)
        else view.leaderGone(node)
      }
    }),
  )
})
