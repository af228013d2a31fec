import { test } from "bun:test"
import * as fc from "fast-check"
import { History } from "./history.ts"
import type { Action } from "./history.ts"

const node = fc.integer({ min: 0, max: 2 })

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      _tag: fc.constant("produce" as const),
      client: fc.integer({ min: 0, max: 3 }),
      acks: fc.constantFrom(-1 as const, -1 as const, 1 as const),
    }),
  },
  { weight: 12, arbitrary: fc.record({ _tag: fc.constant("turn" as const), node }) },
  {
    weight: 8,
    arbitrary: fc.record({
      _tag: fc.constant("flush" as const),
      node,
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 20,
    arbitrary: fc.record({
      _tag: fc.constant("deliver" as const),
      at: fc.nat({ max: 50 }),
      how: fc.constantFrom("once" as const, "once" as const, "twice" as const, "lost" as const),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ _tag: "settle" as const }) },
  {
    weight: 4,
    arbitrary: fc.record({
      _tag: fc.constant("tick" as const),
      count: fc.integer({ min: 1, max: 15 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ _tag: fc.constant("campaign" as const), node }) },
  { weight: 1, arbitrary: fc.record({ _tag: fc.constant("transfer" as const), to: node }) },
  {
    weight: 3,
    arbitrary: fc.record({ _tag: fc.constant("cut" as const), from: node, to: node }),
  },
  { weight: 3, arbitrary: fc.constant({ _tag: "heal" as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      _tag: fc.constant("crash" as const),
      node,
      keep: fc.integer({ min: 0, max: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ _tag: "restart" as const }) },
  { weight: 1, arbitrary: fc.record({ _tag: fc.constant("suspect" as const), by: node, node }) },
  { weight: 3, arbitrary: fc.record({ _tag: fc.constant("consume" as const), node }) },
  {
    weight: 2,
    arbitrary: fc.record({
      _tag: fc.constant("cutLog" as const),
      node,
      behind: fc.integer({ min: 0, max: 6 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ _tag: fc.constant("damage" as const), node, at: fc.nat({ max: 50 }) }),
  },
)

test("nothing acknowledged is lost or doubled, nobody waits for ever, all replicas end alike", () => {
  fc.assert(
    fc.property(
      fc.array(action, { minLength: 20, maxLength: 250, size: "max" }),
      fc.integer({ min: 1, max: 1 << 20 }),
      fc.constantFrom(1, 2, 3),
      (actions, seed, minInSyncReplicas) => {
        const checkpoints = { entries: 8, bytes: 1 << 20 }
        new History({ seed, config: { minInSyncReplicas }, checkpoints }).run(actions)
      },
    ),
    { numRuns: Number(process.env["VARVE_HISTORIES"] ?? 60), seed: 20261121 },
  )
})
