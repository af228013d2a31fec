import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { LayeredMap } from "../../src/cluster/layered-map.ts"

const steps = fc.array(
  fc.array(fc.tuple(fc.nat({ max: 60 }), fc.option(fc.nat(), { nil: undefined })), {
    maxLength: 40,
  }),
  { maxLength: 25 },
)

describe("LayeredMap", () => {
  test("is a map, and older versions keep what they had", () => {
    fc.assert(
      fc.property(steps, (batches) => {
        const model = new Map<number, number>()
        const versions: Array<{ map: LayeredMap<number, number>; model: Map<number, number> }> = []
        let map = LayeredMap.empty<number, number>()
        for (const batch of batches) {
          map = map.with(new Map(batch))
          for (const [key, value] of new Map(batch)) {
            if (value === undefined) model.delete(key)
            else model.set(key, value)
          }
          // Walking over a version changes how it is kept, not what it is.
          if (batch.length % 3 === 0) expect([...map.values()].length).toBe(map.size)
          versions.push({ map, model: new Map(model) })
        }
        for (const version of versions) {
          expect(version.map.size).toBe(version.model.size)
          expect(new Map(version.map)).toEqual(version.model)
          for (let key = 0; key <= 60; key++) {
            expect(version.map.get(key)).toBe(version.model.get(key))
            expect(version.map.has(key)).toBe(version.model.has(key))
          }
        }
      }),
    )
  })

  test("one change to a large map does not copy it", () => {
    const large = LayeredMap.of(Array.from({ length: 200_000 }, (_, i) => [i, i] as const))
    const before = performance.now()
    let map = large
    for (let i = 0; i < 1000; i++) map = map.with(new Map([[i, -1]]))
    expect(performance.now() - before).toBeLessThan(1000)
    expect([map.get(0), map.get(999), map.get(1000), map.size]).toEqual([-1, -1, 1000, 200_000])
    expect(large.get(0)).toBe(0)
  })
})
