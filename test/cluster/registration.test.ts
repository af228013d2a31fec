import { describe, expect, test } from "bun:test"
import { allocateProducerIds } from "../../src/cluster/allocate-producer-ids.ts"
import type { ControllerContext } from "../../src/cluster/controller.ts"
import { emptyImage } from "../../src/cluster/image.ts"
import type { MetadataImage } from "../../src/cluster/image.ts"
import { mayLead } from "../../src/cluster/assignment.ts"
import { foundingConfiguration, memberId, nodeOf } from "../../src/cluster/members.ts"
import { goalConfiguration, isUnsettled, metadataGoal } from "../../src/cluster/membership.ts"
import type { MetadataRecord } from "../../src/cluster/records.ts"
import { registerBroker, registrationEpoch } from "../../src/cluster/register-broker.ts"
import type { BrokerRegistrationRequest } from "../../src/cluster/register-broker.ts"
import { ErrorCode } from "../../src/protocol/error-codes.ts"
import { clusterOf, commit, contextOf, diskOf, withTopic } from "./fixture.ts"

const request = (
  id: number,
  overrides: Partial<BrokerRegistrationRequest> = {},
): BrokerRegistrationRequest => ({
  brokerId: id,
  clusterId: "c",
  incarnationId: `${id}`.padStart(32, "b"),
  listeners: [{ name: "PLAINTEXT", host: "h", port: 9092 + id, securityProtocol: 0 }],
  features: [],
  rack: null,
  isMigratingZkBroker: false,
  logDirs: [diskOf(id)],
  previousBrokerEpoch: -1,
  ...overrides,
})

const register = (
  image: MetadataImage,
  asked: BrokerRegistrationRequest,
  context: ControllerContext = contextOf(image),
) => {
  const decision = registerBroker(image, asked, context)
  return { ...decision, code: decision.response.errorCode, image: commit(image, decision.records) }
}

describe("broker registration", () => {
  test("a new broker is in the image, unfenced, its epoch is the index of its record", () => {
    const { image, code } = register(emptyImage("c"), request(4, { rack: "r1" }))
    expect(code).toBe(ErrorCode.NONE)
    expect(image.brokers.get(4)).toEqual({
      id: 4,
      diskUuid: diskOf(4),
      incarnation: "4".padStart(32, "b"),
      epoch: 1,
      host: "h",
      port: 9096,
      rack: "r1",
      fenced: false,
    })
    expect(registrationEpoch(image, 4, "4".padStart(32, "b"))).toBe(1)
    expect(registrationEpoch(image, 4, "other")).toBe(-1)
    expect(registrationEpoch(image, 5, "other")).toBe(-1)
  })

  test("asking again changes nothing; a restart and a new address do", () => {
    const { image } = register(emptyImage("c"), request(0))
    const again = register(image, request(0))
    expect([again.records.length, again.response.brokerEpoch]).toEqual([0, 1])
    const restarted = register(image, request(0, { incarnationId: "1".repeat(32) }))
    expect(restarted.image.brokers.get(0)).toMatchObject({ incarnation: "1".repeat(32), epoch: 2 })
    const moved = register(image, request(0, { rack: "new" }))
    expect(moved.image.brokers.get(0)!.rack).toBe("new")
  })

  test("registering ends being fenced", () => {
    const image = commit(clusterOf(1), [{ _tag: "BrokerFenced", brokerId: 0 }])
    const same = image.brokers.get(0)!
    const asked = request(0, { incarnationId: same.incarnation, logDirs: [same.diskUuid] })
    expect(register(image, asked).image.brokers.get(0)!.fenced).toBe(false)
  })

  test("another cluster, no or several or somebody else's disk: refused", () => {
    const image = clusterOf(3)
    const refusals = [
      [request(3, { clusterId: "x" }), ErrorCode.INCONSISTENT_CLUSTER_ID, "cluster x"],
      [request(3, { logDirs: [] }), ErrorCode.INVALID_REGISTRATION, "exactly one disk"],
      [request(3, { logDirs: ["1", "2"] }), ErrorCode.INVALID_REGISTRATION, "exactly one disk"],
      [request(3, { listeners: [] }), ErrorCode.INVALID_REGISTRATION, "listener"],
      [request(-1), ErrorCode.INVALID_REGISTRATION, "broker -1"],
      [request(3, { logDirs: [diskOf(2)] }), ErrorCode.INVALID_REGISTRATION, "broker 2's"],
    ] as const
    for (const [asked, code, reason] of refusals) {
      const decision = register(image, asked)
      expect([decision.code, decision.records.length]).toEqual([code, 0])
      expect(decision.reason).toContain(reason)
      expect(decision.response.brokerEpoch).toBe(-1)
    }
  })

  test("a new disk replaces one only while nobody is heard under that node id", () => {
    const image = withTopic(clusterOf(3), "t", 1, 3)
    const asked = request(1, { logDirs: [diskOf(1, 7)] })
    expect(register(image, asked).code).toBe(ErrorCode.DUPLICATE_BROKER_REGISTRATION)
    const silent = { ...contextOf(image), liveBrokers: new Set([0, 2]) }
    const { image: after, code } = register(image, asked, silent)
    expect(code).toBe(ErrorCode.NONE)
    expect(after.brokers.get(1)!.diskUuid).toBe(diskOf(1, 7))
    const partition = after.topics.get("t")!.partitions[0]!
    expect(partition.members).toContain(memberId(1, diskOf(1)))
    expect(mayLead(after, partition, 1)).toBe(false)
    expect(isUnsettled(partition, image.brokers)).toBe(false)
    expect(isUnsettled(partition, after.brokers)).toBe(true)
    const goal = goalConfiguration(partition, after.brokers)
    expect(goal.voters).toContain(memberId(1, diskOf(1, 7)))
    expect(goal.voters).not.toContain(memberId(1, diskOf(1)))
  })
})

const voting = (ids: ReadonlyArray<number>) => ids.map((id) => memberId(id, diskOf(id)))

const founder = (nodeId: number) => ({ nodeId, diskUuid: diskOf(nodeId) })

describe("members", () => {
  test("a member id names its node", () => {
    expect(nodeOf(memberId(12, "a/b"))).toBe(12)
    for (const bad of ["", "x", "/d", "1", "1/", "-1/d"]) expect(() => nodeOf(bad)).toThrow()
  })

  test("up to five founding voters, lowest node ids first, whatever the order of the list", () => {
    const configuration = foundingConfiguration([7, 0, 11, 2, 3, 1].map(founder))
    expect(configuration.voters.map(nodeOf)).toEqual([0, 1, 2, 3, 7])
    expect(configuration.learners.map(nodeOf)).toEqual([11])
    expect(foundingConfiguration([founder(0)]).voters).toEqual([memberId(0, diskOf(0))])
    expect(() => foundingConfiguration([])).toThrow()
    expect(() => foundingConfiguration([founder(1), { nodeId: 1, diskUuid: "x" }])).toThrow()
  })

  test("up to five voters of group 0, each by its present disk; other disks learn", () => {
    const founding = foundingConfiguration([0, 1, 2, 9].map(founder))
    // Broker 9 is not registered yet, and keeps its place.
    const grown = metadataGoal(founding, clusterOf(4).brokers)
    expect(grown.voters).toEqual(voting([0, 1, 2, 9, 3]))
    expect(grown.learners).toEqual([])
    const larger = metadataGoal(grown, clusterOf(6).brokers)
    expect(larger.voters).toEqual(grown.voters)
    expect(larger.learners).toEqual(voting([4, 5]))
    const newDisk: MetadataRecord = {
      _tag: "BrokerRegistered",
      brokerId: 1,
      diskUuid: diskOf(1, 7),
      incarnation: "f".repeat(32),
      host: "127.0.0.1",
      port: 9093,
      rack: null,
    }
    const replaced = commit(clusterOf(6), [newDisk])
    expect(metadataGoal(larger, replaced.brokers).voters).toEqual([
      memberId(0, diskOf(0)),
      memberId(1, diskOf(1, 7)),
      ...voting([2, 9, 3]),
    ])
  })

  test("a fenced broker is not made a voter of group 0", () => {
    const founding = foundingConfiguration([0, 1, 2].map(founder))
    const image = commit(clusterOf(5), [{ _tag: "BrokerFenced", brokerId: 3 }])
    expect(metadataGoal(founding, image.brokers).voters.map(nodeOf)).toEqual([0, 1, 2, 4])
  })
})

describe("producer ids", () => {
  test("blocks of 1,000, one behind the other, for registered brokers only", () => {
    let image = clusterOf(2)
    for (const start of [0, 1000, 2000]) {
      const decision = allocateProducerIds(image, { brokerId: start % 2, brokerEpoch: -1 })
      expect(decision.response).toEqual({
        throttleTimeMs: 0,
        errorCode: ErrorCode.NONE,
        producerIdStart: start,
        producerIdLen: 1000,
      })
      image = commit(image, decision.records)
    }
    const unknown = allocateProducerIds(image, { brokerId: 9, brokerEpoch: -1 })
    expect(unknown.response.errorCode).toBe(ErrorCode.BROKER_ID_NOT_REGISTERED)
    const stale = allocateProducerIds(image, { brokerId: 0, brokerEpoch: 99 })
    expect(stale.response.errorCode).toBe(ErrorCode.STALE_BROKER_EPOCH)
    expect([unknown.records.length, stale.records.length]).toEqual([0, 0])
  })
})
