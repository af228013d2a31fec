/** Records acknowledged and not read yet, over time. */
import { expect, test } from "bun:test"
import { anomalyKinds, explainAnomaly, unseenOverTime } from "../../src/chaos/checkers/index.ts"
import { Story, y } from "./golden/story.ts"

test("rises with acknowledgements and falls with reads", () => {
  const { operations } = new Story()
    .send("a b", 0, { at: [1, 100] })
    .send("c", 2, { at: [1, 250] })
    .maybe("d", { at: [1, 260] })
    .read({ 0: "a" }, { at: [40, 90] })
    .read({ 1: "b" }, { at: [200, 310] })
    .read({ 1: "b", 2: "c" }, { at: [300, 420], process: "kcat-consumer-1.0" })
    .send("nobody reads there", 0, { at: [1, 5], partition: y })
  expect(unseenOverTime(operations, 100)).toEqual([
    { atMs: 0, unseen: 0 },
    { atMs: 100, unseen: 1 },
    { atMs: 200, unseen: 1 },
    { atMs: 300, unseen: 2 },
    { atMs: 400, unseen: 1 },
    { atMs: 500, unseen: 0 },
  ])
})

test("every anomaly is explained in two sentences", () => {
  for (const kind of anomalyKinds) {
    const { what, whyItMatters } = explainAnomaly(kind)
    for (const sentence of [what, whyItMatters]) expect(sentence).toMatch(/^[A-Z][^.]+\.$/)
  }
})
