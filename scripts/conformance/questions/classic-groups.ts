import { deleteGroups } from "../../../src/protocol/messages/delete-groups.ts"
import { describeGroups } from "../../../src/protocol/messages/describe-groups.ts"
import { findCoordinator } from "../../../src/protocol/messages/find-coordinator.ts"
import { heartbeat } from "../../../src/protocol/messages/heartbeat.ts"
import { joinGroup } from "../../../src/protocol/messages/join-group.ts"
import { leaveGroup } from "../../../src/protocol/messages/leave-group.ts"
import { listGroups } from "../../../src/protocol/messages/list-groups.ts"
import { syncGroup } from "../../../src/protocol/messages/sync-group.ts"
import { textIn } from "../values.ts"
import type { Asker } from "../asker.ts"

const metadata = Buffer.from("0000000000010003666f6fffffffff", "hex")
const assignment = Buffer.from("c0ffee", "hex")

const join = (groupId: string, memberId: string, more: object = {}) => ({
  groupId,
  memberId,
  sessionTimeoutMs: 30_000,
  rebalanceTimeoutMs: 20_000,
  protocolType: "consumer",
  protocols: [{ name: "range", metadata }],
  ...more,
})

/** One group, from its first member to its last, in the words of one client. */
class Group {
  private readonly asker: Asker
  readonly id: string
  readonly node: number

  constructor(asker: Asker, id: string, node: number) {
    this.asker = asker
    this.id = id
    this.node = node
  }

  join(memberId: string, note: string, more: object = {}, version = 9) {
    return this.asker.call(joinGroup, version, join(this.id, memberId, more), note, this.node)
  }
  joinSlowly(memberId: string, note: string, more: object = {}) {
    return this.asker.start(joinGroup, 9, join(this.id, memberId, more), note, this.node)
  }
  sync(memberId: string, generationId: number, to: ReadonlyArray<string>, note: string) {
    const body = {
      groupId: this.id,
      memberId,
      generationId,
      protocolType: "consumer",
      protocolName: "range",
      assignments: to.map((one) => ({ memberId: one, assignment })),
    }
    return this.asker.call(syncGroup, 5, body, note, this.node)
  }
  beat(memberId: string, generationId: number, note: string, more: object = {}) {
    const body = { groupId: this.id, memberId, generationId, ...more }
    return this.asker.call(heartbeat, 4, body, note, this.node)
  }
  leave(members: ReadonlyArray<object>, note: string, version = 5) {
    return this.asker.call(leaveGroup, version, { groupId: this.id, members }, note, this.node)
  }
  describe(note: string) {
    return this.asker.call(describeGroups, 6, { groups: [this.id] }, note, this.node)
  }
}

export async function askClassicGroups(asker: Asker): Promise<void> {
  await askRebalance(asker)
  await askStaticMembers(asker)
  await askBadly(asker)
}

async function askRebalance(asker: Asker): Promise<void> {
  const group = new Group(asker, "two", await asker.coordinator("two"))
  const first = textIn(await group.join("", "the first is named"), "memberId")
  await group.join(first, "the first joins")
  await group.describe("before the leader has assigned")
  await group.beat(first, 1, "before the leader has assigned")
  await group.sync(first, 1, [first], "the first assigns to itself")
  const second = textIn(await group.join("", "the second is named"), "memberId")
  await group.beat(first, 1, "nobody waits yet")
  const waiting = await group.joinSlowly(second, "the second waits")
  await group.beat(first, 1, "a rebalance is under way")
  await group.sync(first, 1, [first], "sync of the old generation while a rebalance is under way")
  await group.describe("while a rebalance is under way")
  await group.join(first, "the first joins again: both are in")
  await waiting.answer()
  await group.sync(second, 1, [], "sync of the generation before")
  const follower = await asker.start(
    syncGroup,
    5,
    {
      groupId: group.id,
      memberId: second,
      generationId: 2,
      protocolType: "consumer",
      protocolName: "range",
      assignments: [],
    },
    "the follower waits for its assignment",
    group.node,
  )
  await group.beat(second, 2, "while the leader has not assigned")
  await group.sync(first, 2, [first, second], "the leader assigns")
  await follower.answer()
  await group.beat(second, 2, "stable")
  await group.beat(second, 1, "an old generation")
  await group.join(second, "a follower joins again with the same protocols: no rebalance")
  await group.leave([{ memberId: second }, { memberId: "who" }], "the second and one unknown")
  await group.beat(first, 2, "after the other left")
  await group.join(first, "the first is alone again")
  await group.sync(first, 3, [], "assigns nothing")
  await asker.call(deleteGroups, 2, { groupsNames: ["two", "two"] }, "the same twice", group.node)
  await group.leave([{ memberId: first }], "the last leaves")
  await group.describe("empty")
  await asker.call(deleteGroups, 2, { groupsNames: ["two"] }, "an empty one", group.node)
  await group.describe("deleted")
}

async function askStaticMembers(asker: Asker): Promise<void> {
  const group = new Group(asker, "fixed", await asker.coordinator("fixed"))
  const one = { groupInstanceId: "one" }
  const first = textIn(await group.join("", "static", one), "memberId")
  await group.sync(first, 1, [first], "static, assigns")
  await group.join("who", "a wrong id beside a known instance", one)
  await group.join(first, "the leader joins again", one)
  await group.sync(first, 2, [first], "assigns again")
  await group.join("", "comes back with other protocols", {
    ...one,
    protocols: [{ name: "roundrobin", metadata }],
  })
  await group.join("", "comes back with the same protocols", one)
  await group.beat(first, 2, "fenced by its instance", one)
  await group.beat(first, 2, "without its instance: unknown")
  await group.describe("static members")
  await group.leave([{ memberId: "who", groupInstanceId: "one" }], "a wrong id beside its instance")
  await group.leave([{ memberId: "", groupInstanceId: "nobody" }], "an unknown instance")
  await group.leave([], "nobody leaves")
  await group.leave([{ memberId: "", groupInstanceId: "one" }], "by instance id")
}

async function askBadly(asker: Asker): Promise<void> {
  const group = new Group(asker, "bad", await asker.coordinator("bad"))
  const { node } = group
  for (const version of [0, 3, 5, 9]) {
    await group.join("", "session timeout too long", { sessionTimeoutMs: 1e9 }, version)
    await group.join("who", "an unknown member of no group", {}, version)
    await group.join("", "no protocol type", { protocolType: "" }, version)
    await group.join("", "no protocols", { protocols: [] }, version)
  }
  await asker.every(
    heartbeat,
    { groupId: "", memberId: "who", generationId: 1 },
    "no group id",
    node,
  )
  await asker.every(
    heartbeat,
    { groupId: "bad", memberId: "", generationId: -1 },
    "no member id",
    node,
  )
  await asker.every(
    syncGroup,
    {
      groupId: "",
      memberId: "who",
      generationId: 1,
      protocolType: "consumer",
      protocolName: "range",
    },
    "no group id",
    node,
  )
  await asker.every(
    syncGroup,
    { groupId: "bad", memberId: "who", generationId: 1 },
    "no protocol named",
    node,
  )
  await asker.every(
    leaveGroup,
    { groupId: "", memberId: "who", members: [{ memberId: "who" }] },
    "no group id",
    node,
  )
  await asker.every(
    leaveGroup,
    { groupId: "bad", memberId: "who", members: [{ memberId: "who" }] },
    "an unknown group",
    node,
  )
  await asker.every(describeGroups, { groups: ["bad", "bad"] }, "the same twice", node)
  await asker.every(describeGroups, { groups: [] }, "none", node)
  await asker.every(deleteGroups, { groupsNames: ["bad"] }, "unknown", node)
  await asker.every(deleteGroups, { groupsNames: [] }, "none", node)
  await asker.every(
    listGroups,
    { statesFilter: ["stable"], typesFilter: ["CLASSIC"] },
    "filters in another case",
    node,
  )
  await asker.every(listGroups, { statesFilter: ["NoSuchState"] }, "an unknown state", node)
  await asker.every(listGroups, { typesFilter: ["no-such-type"] }, "an unknown type", node)
  await asker.every(
    findCoordinator,
    { key: "bad", coordinatorKeys: ["bad", "bad"] },
    "the same twice",
  )
  await asker.every(findCoordinator, { key: "bad", coordinatorKeys: [] }, "no keys")
}
