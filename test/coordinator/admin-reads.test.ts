import { describe, expect, test } from "bun:test"
import { ErrorCode } from "../../src/protocol/error-codes.ts"
import { bytes, subscription, World } from "./world.ts"

/** One group of each kind and state that there is. */
const several = () => {
  const world = new World()
  world.soleMember("stable")
  world.soleMember("rebalancing")
  world.join({ groupId: "rebalancing" }, { apiVersion: 3 })
  const { memberId } = world.soleMember("empty")
  world.leave({ groupId: "empty", members: [{ memberId }] })
  world.commitOffset("simple", 0, 5)
  return world
}

const names = (world: World, states: Array<string>, types: Array<string> = []) =>
  world.coordinator.listGroups({ states, types }).map(({ groupId }) => groupId)

const describeGroup = (world: World, groupId: string, apiVersion = 6) =>
  world.coordinator.describeGroup(groupId, world.origin({ apiVersion }))

describe("ListGroups", () => {
  test("tells kind and state of every group", () => {
    const common = { groupType: "classic", protocolType: "consumer" }
    const world = several()
    const listed = world.coordinator.listGroups({ states: [], types: [] })
    expect(listed).toEqual([
      { groupId: "stable", groupState: "Stable", ...common },
      { groupId: "rebalancing", groupState: "PreparingRebalance", ...common },
      { groupId: "empty", groupState: "Empty", ...common },
      { groupId: "simple", groupState: "Empty", ...common, protocolType: "" },
    ])
  })

  test("filters by states and types, whatever the case of their letters", () => {
    const world = several()
    expect(names(world, ["Stable"])).toEqual(["stable"])
    expect(names(world, [" eMPTY ", "Dead"])).toEqual(["empty", "simple"])
    expect(names(world, [], ["Classic"])).toHaveLength(4)
    expect(names(world, [], ["consumer"])).toEqual([])
    expect(names(world, ["stable"], ["consumer"])).toEqual([])
  })
})

describe("DescribeGroups", () => {
  test("shows the members of a stable group with what they sent and got", () => {
    const described = describeGroup(several(), "stable")
    expect(described).toMatchObject({
      errorCode: ErrorCode.NONE,
      groupId: "stable",
      groupState: "Stable",
      protocolType: "consumer",
      protocolData: "range",
    })
    expect(described.members).toMatchObject([
      {
        groupInstanceId: null,
        clientId: "c",
        clientHost: "/127.0.0.1",
        memberMetadata: subscription("t"),
        memberAssignment: bytes("all"),
      },
    ])
  })

  test("shows no protocol while the members agree on one", () => {
    const { protocolData, members, groupState } = describeGroup(several(), "rebalancing")
    expect([groupState, protocolData, members?.length]).toEqual(["PreparingRebalance", "", 2])
    expect(members?.map(({ memberMetadata }) => memberMetadata?.length)).toEqual([0, 0])
  })

  test("a group that is not there is dead, from version 6 on an error", () => {
    const world = several()
    const dead = { groupId: "none", groupState: "Dead", errorCode: ErrorCode.NONE }
    expect(describeGroup(world, "none", 5)).toEqual(dead)
    expect(describeGroup(world, "none")).toEqual({
      ...dead,
      errorCode: ErrorCode.GROUP_ID_NOT_FOUND,
      errorMessage: "Group none not found.",
    })
    expect(describeGroup(world, "simple")).toMatchObject({ groupState: "Empty", members: [] })
  })
})
