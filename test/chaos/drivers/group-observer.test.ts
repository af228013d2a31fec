import { describe, expect, test } from "bun:test"
import { GroupObserver } from "../../../src/chaos/drivers/groups/group-observer.ts"
import { partitionsOf } from "../../../src/chaos/drivers/partition.ts"
import { ErrorCode } from "../../../src/protocol/error-codes.ts"
import { until } from "../../../scripts/harness/until.ts"
import { ref, topic } from "./raw-fixture.ts"
import { Coordinator } from "./scripted-coordinator.ts"

const groups = [{ group: "raw-g", refs: partitionsOf(topic) }]
const soon = (what: string, isSo: () => boolean) =>
  until(what, isSo, { everyMs: 2, timeoutMs: 8000 })

/** Broker 1 coordinates; the others say that they do not. */
function begin() {
  const coordinator = new Coordinator()
  coordinator.committed.set(0, { offset: 4, tag: "a" })
  coordinator.refuse = ({ node, api }) =>
    api === "OffsetFetch" && node !== 1 ? ErrorCode.NOT_COORDINATOR : 0
  const observer = new GroupObserver("raw-group-observer", coordinator.ports, groups)
  return { coordinator, observer }
}

describe("an observer of groups", () => {
  test("asks every broker, and records what is answered", async () => {
    const { coordinator, observer } = begin()
    observer.start()
    await soon("answers", () => coordinator.of("committed").length > 3)
    await observer.stop()
    observer.close()
    const asked = coordinator.world.brokers.of("OffsetFetch").map(({ node }) => node)
    expect(new Set(asked)).toEqual(new Set([0, 1, 2]))
    for (const { outcome, node } of coordinator.of("committed")) {
      expect({ outcome, node }).toEqual({ outcome: "ok", node: 1 })
    }
    expect(observer.committed.get("raw-g")?.get(ref.key)).toBe(4)
  })

  test("asks fast while nobody answers", async () => {
    const { coordinator, observer } = begin()
    observer.start()
    await soon("an answer", () => coordinator.of("committed").length > 0)
    coordinator.refuse = () => ErrorCode.NOT_COORDINATOR
    await Bun.sleep(150)
    const before = coordinator.world.brokers.of("OffsetFetch").length
    await Bun.sleep(300)
    expect(coordinator.world.brokers.of("OffsetFetch").length - before).toBeGreaterThan(20)
    await observer.stop()
    observer.close()
  })

  test("at the end every group must have answered", async () => {
    const { coordinator, observer } = begin()
    const { signal } = new AbortController()
    await observer.askAll(5000, signal)
    expect(coordinator.of("committed").length).toBe(2)
    coordinator.refuse = () => ErrorCode.NOT_COORDINATOR
    const late = await observer.askAll(300, signal).catch((error: unknown) => String(error))
    expect(late).toContain("raw-g")
    observer.close()
  })
})
