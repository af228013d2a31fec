import { afterEach, describe, expect, test } from "bun:test"
import { checkHistory } from "../../../src/chaos/checkers/index.ts"
import type { RawMember } from "../../../src/chaos/drivers/groups/raw-member.ts"
import { ErrorCode } from "../../../src/protocol/error-codes.ts"
import { until } from "../../../scripts/harness/until.ts"
import { other, ref } from "./raw-fixture.ts"
import { Coordinator, memberOf, protocols } from "./scripted-coordinator.ts"
import type { Asked } from "./scripted-brokers.ts"

const open: Array<RawMember> = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((member) => member.dispose()))
})

function begin(coordinator: Coordinator, protocol: keyof typeof protocols, more = {}): RawMember {
  const member = memberOf(coordinator, protocol, more)
  open.push(member)
  member.start()
  return member
}

const soon = (what: string, isSo: () => boolean) =>
  until(what, isSo, { everyMs: 2, timeoutMs: 8000 })

const readAll = (coordinator: Coordinator) =>
  soon("the member to commit the end", () =>
    [0, 1].every((partition) => coordinator.committed.get(partition)?.offset === coordinator.end),
  )

/** Refuses the first request of that API, once. */
const once = (api: string, refusal: "lost" | number) => {
  let isOver = false
  return (asked: Asked): "lost" | number => {
    if (isOver || asked.api !== api) return 0
    isOver = true
    return refusal
  }
}

for (const protocol of ["classic", "consumer"] as const) {
  describe(`a raw member of the ${protocol} protocol`, () => {
    test("reads to the end and commits it, and says in whose name", async () => {
      const coordinator = new Coordinator()
      begin(coordinator, protocol)
      await readAll(coordinator)
      const [assign] = coordinator.of("assign")
      expect(assign?.generation).toBe(1)
      expect(assign?.partitions).toEqual([ref.key, other.key])
      for (const { generation, member, outcome } of coordinator.of("commit")) {
        if (outcome === "pending") continue
        expect({ generation, member, outcome }).toEqual({
          generation: 1,
          member: assign?.member ?? "",
          outcome: "ok",
        })
      }
      const tags = coordinator.of("commit").map(({ tag }) => tag)
      expect(new Set(tags).size).toBe(tags.length)
      const { anomalies } = checkHistory(coordinator.world.history.operations)
      expect(anomalies.filter(({ kind }) => kind !== "unwritten-value")).toEqual([])
    })

    test("goes on from what the group has committed", async () => {
      const coordinator = new Coordinator()
      coordinator.committed.set(0, { offset: 3, tag: "earlier" })
      begin(coordinator, protocol)
      await readAll(coordinator)
      expect(coordinator.world.polls.find(({ partition }) => partition === ref.key)?.from).toBe(3)
      expect(coordinator.of("committed")[0]).toMatchObject({ offset: 3, tag: "earlier" })
    })

    test.each([
      ["lost", "info"],
      [ErrorCode.NOT_COORDINATOR, "info"],
      [ErrorCode.REQUEST_TIMED_OUT, "info"],
      [ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, "fail"],
      [ErrorCode.ILLEGAL_GENERATION, "fail"],
      [ErrorCode.STALE_MEMBER_EPOCH, "fail"],
    ] as const)("a commit that is answered %p is %s, and it goes on", async (refusal, outcome) => {
      const coordinator = new Coordinator()
      coordinator.refuse = once("OffsetCommit", refusal)
      begin(coordinator, protocol)
      await readAll(coordinator)
      expect(coordinator.of("commit")[0]?.outcome).toBe(outcome)
    })

    test("stands still while it is paused", async () => {
      const coordinator = new Coordinator()
      const member = begin(coordinator, protocol)
      await readAll(coordinator)
      member.pause()
      coordinator.end = 9
      const before = member.operations
      await Bun.sleep(80)
      expect(member.operations).toBe(before)
      member.resume()
      await readAll(coordinator)
    })

    test("leaves at the end, and tells before what it gives up", async () => {
      const coordinator = new Coordinator()
      const member = begin(coordinator, protocol)
      await readAll(coordinator)
      await member.stop()
      expect(coordinator.of("release").at(-1)?.partitions).toEqual([ref.key, other.key])
      const asked = coordinator.world.brokers.asked.at(-1)
      expect(asked?.api).toBe(protocol === "classic" ? "LeaveGroup" : "ConsumerGroupHeartbeat")
    })

    test("a member that crashes gives nothing up, and comes back under another name", async () => {
      const coordinator = new Coordinator()
      begin(coordinator, protocol, { lifeMs: 40, crashPercent: 100 })
      await soon("another life", () =>
        coordinator.of("assign").some(({ process }) => process.endsWith(".2")),
      )
      const released = coordinator.of("release").filter(({ process }) => process.endsWith(".1"))
      expect(released).toEqual([])
      expect(coordinator.world.brokers.of("LeaveGroup")).toEqual([])
    })
  })
}

describe("a raw member of the classic protocol", () => {
  test("gives up what it owns before it joins again", async () => {
    const coordinator = new Coordinator()
    coordinator.refuse = once("Heartbeat", ErrorCode.REBALANCE_IN_PROGRESS)
    begin(coordinator, "classic")
    await soon("a second generation", () =>
      coordinator
        .of("assign")
        .some(({ generation, outcome }) => generation === 2 && outcome === "ok"),
    )
    const [release] = coordinator.of("release")
    const rejoin = coordinator.of("join").find(({ generation }) => generation === 2)
    expect(release?.partitions).toEqual([ref.key, other.key])
    expect(release?.invoked).toBeLessThan(rejoin?.invoked ?? -1)
  })

  test("an assignment that was refused is none", async () => {
    const coordinator = new Coordinator()
    coordinator.refuse = once("SyncGroup", ErrorCode.REBALANCE_IN_PROGRESS)
    begin(coordinator, "classic")
    await readAll(coordinator)
    expect(coordinator.of("assign")[0]).toMatchObject({ outcome: "fail", partitions: [] })
  })

  test("is let in under the name that it is given", async () => {
    const coordinator = new Coordinator()
    coordinator.refuse = once("JoinGroup", ErrorCode.MEMBER_ID_REQUIRED)
    begin(coordinator, "classic")
    await readAll(coordinator)
    expect(coordinator.of("join").map(({ outcome }) => outcome)).toEqual(["fail", "ok"])
  })
})
