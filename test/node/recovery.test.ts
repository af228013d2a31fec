/** Brokers whose disks forgot something: seen, said, repaired by the others, and never believed. */
import { describe, expect, test } from "bun:test"
import {
  askFetch,
  createTopic,
  fetched,
  leaderOf,
  produceRetrying,
  readAll,
  untilLed,
} from "../support/clients.ts"
import { isSettled, reassign } from "../support/reassignments.ts"
import { ErrorCode } from "../../src/protocol/error-codes.ts"
import type { NodeSettings } from "../../src/node/node.ts"
import { World } from "../support/world.ts"

const groupOf = (world: World, topic: string): number =>
  world.running()[0]!.node!.image.topics.get(topic)!.partitions[0]!.group

function write(world: World, topic: string, from: number, count: number): ReadonlyArray<string> {
  const values: Array<string> = []
  for (let i = from; i < from + count; i++) {
    expect(produceRetrying(world, topic, [`v${i}`]).errorCode).toBe(0)
    values.push(`v${i}`)
  }
  return values
}

const contents = (world: World, topic: string): ReadonlyArray<string> =>
  readAll(world, untilLed(world, topic), topic).records.map(({ value }) => value)

const recovered = (world: World): boolean =>
  world.ready() && world.brokers.every(({ node }) => node!.status().recovering.length === 0)

/** Every replica's log of the topic, as plain text. */
function copies(world: World, topic: string): ReadonlyArray<ReadonlyArray<string>> {
  const group = groupOf(world, topic)
  return world.brokers.map(({ disk }) => {
    const log = disk.log(group)
    return log.metas(1, log.lastIndex + 1, 10_000).map(({ term, index }) => `${index} ${term}`)
  })
}

function written(seed = 3): { world: World; values: ReadonlyArray<string>; leader: number } {
  const world = new World({ seed }).startAll().untilReady()
  createTopic(world, "t", { configs: { "min.insync.replicas": "2" } })
  const values = write(world, "t", 0, 20)
  world.run(300)
  return { world, values, leader: leaderOf(world, "t") }
}

/** Of a group that is made while a broker without its sentinel stands still, or starts again. */
function asksForTerms(created: "before" | "after"): boolean {
  const world = new World({ seed: 4 }).startAll().untilReady()
  const id = 2
  world.pause(id)
  if (created === "before") createTopic(world, "t", { replicas: 3 })
  world.crash(id)
  world.broker(id).disk.loseSentinel()
  world.start(id)
  world.run(20)
  expect(world.node(id).caughtUp).toBe(false)
  if (created === "after") createTopic(world, "t", { replicas: 3 })
  world.runUntil(() => recovered(world), 20_000, "trust")
  write(world, "t", 0, 3)
  const said = `group ${groupOf(world, "t")}: knows every other voter's term`
  return world.lines.some((line) => line.includes(` ${id}.`) && line.includes(said))
}

describe("a log that lost its end", () => {
  for (const who of ["leader", "follower"] as const) {
    test(`a ${who}'s: it does not count until it is filled up, and nothing is lost`, () => {
      const { world, values, leader } = written()
      const id = who === "leader" ? leader : (leader + 1) % 3
      world.crash(id)
      expect(world.broker(id).disk.loseTail(12)).toBe(true)
      world.start(id)
      expect(
        world
          .node(id)
          .status()
          .recovering.map(({ standing }) => standing),
      ).toContain("recovering")
      world.runUntil(() => recovered(world), 10_000, "all groups trusted again")
      expect(contents(world, "t")).toEqual(values)
      world.run(500)
      const [a, b, c] = copies(world, "t")
      expect(a).toEqual(b)
      expect(b).toEqual(c)
    })
  }

  test("a follower's: it says of no offset that the log ends there until it is filled up", () => {
    const { world, values, leader } = written()
    const id = (leader + 1) % 3
    const fetchAll = () => {
      const asked = askFetch(world, id, "t", 0)
      world.runUntil(() => asked.answer !== undefined, 10_000, "the answer of Fetch")
      return fetched(asked)
    }
    expect(fetchAll()?.highWatermark).toBe(values.length)
    world.crash(id)
    expect(world.broker(id).disk.loseTail(12)).toBe(true)
    world.cut(leader, id)
    world.start(id)
    world.run(100)
    expect(fetchAll()?.errorCode).toBe(ErrorCode.OFFSET_NOT_AVAILABLE)
    world.heal()
    world.runUntil(() => recovered(world), 10_000, "all groups trusted again")
    world.run(500)
    expect(fetchAll()).toMatchObject({ errorCode: 0, highWatermark: values.length })
  })

  test("an old copy that looks whole is found out by what peers remember", () => {
    const { world, values, leader } = written()
    const id = (leader + 1) % 3
    world.broker(id).disk.takeBackup()
    const later = write(world, "t", 20, 10)
    world.run(300)
    world.crash(id)
    expect(world.broker(id).disk.restore(true)).toBe(true)
    world.start(id)
    const said = () => world.lines.filter((line) => line.includes("has lost entries"))
    world.runUntil(() => said().length > 0, 2000, "a peer's memory")
    expect(said()[0]).toContain("remembers it up to index")
    world.runUntil(() => recovered(world), 10_000, "all groups trusted again")
    expect(contents(world, "t")).toEqual([...values, ...later])
  })

  test("with one voter away an old copy elects nobody", () => {
    const { world, leader } = written()
    const [id, away] = [(leader + 1) % 3, (leader + 2) % 3]
    world.broker(id).disk.takeBackup()
    world.crash(away)
    write(world, "t", 20, 5)
    world.crash(id)
    world.broker(id).disk.restore(true)
    world.start(id)
    world.run(150)
    world.crash(leader)
    world.start(away)
    world.run(8000)
    // Only `leader` has v20 to v24: the other two must not go on without them.
    expect(leaderOf(world, "t", 0, id)).toBe(-1)
    world.start(leader)
    world.runUntil(() => recovered(world), 10_000, "all groups trusted again")
    expect(contents(world, "t").length).toBe(25)
  })

  test("votes may be forgotten too: first every other voter's term is heard", () => {
    const { world, values, leader } = written()
    const id = (leader + 1) % 3
    world.crash(id)
    world.broker(id).disk.loseSentinel()
    world.start(id)
    expect(world.node(id).status().recovering[0]).toEqual({ group: 0, standing: "amnesiac" })
    world.runUntil(() => recovered(world), 10_000, "all groups trusted again")
    expect(world.lines.some((line) => line.includes("every other voter's term"))).toBe(true)
    expect(contents(world, "t")).toEqual(values)
  })

  describe("a group whose creation the disk without its sentinel does not know", () => {
    test("before the process began: it may have voted there", () => {
      expect(asksForTerms("before")).toBe(true)
    })

    test("since: it is new here as anywhere", () => {
      expect(asksForTerms("after")).toBe(false)
    })
  })

  test("a fault-free restart is no loss: nothing is said of recovering", () => {
    const { world, leader } = written()
    for (const id of [leader, (leader + 1) % 3]) {
      write(world, "t", 100 * id, 5)
      world.crash(id)
      world.run(700)
      world.start(id)
      world.runUntil(() => recovered(world), 10_000, "ready")
      world.run(300)
    }
    expect(world.lines.filter((line) => line.includes("lost"))).toEqual([
      expect.stringContaining("is lost: its leaderships move"),
      expect.stringContaining("is lost: its leaderships move"),
    ])
  })
})

const leads = (world: World, group: number): number => {
  const at = world.running().find(({ node }) => node!.raftGroup(group)?.node.role === "leader")
  if (at === undefined) throw new Error(`nobody leads group ${group}`)
  return at.id
}

/** Group, term and voter of every vote that was given away, and to whom. */
function votesOf(world: World): ReadonlyMap<string, ReadonlySet<number>> {
  const votes = new Map<string, Set<number>>()
  world.observe({
    sent: (from, to, frame) => {
      if (frame._tag !== "Raft" || frame.message._tag !== "RequestVoteResponse") return
      if (!frame.message.granted) return
      const key = `${frame.group} ${frame.message.term} ${from.id}`
      votes.set(key, (votes.get(key) ?? new Set()).add(to))
    },
  })
  return votes
}

/** The first vote that arrives for whoever is to follow the leader of this group. */
function nextVote(world: World, group: number): { voter: number; candidate: number } {
  let vote: { voter: number; candidate: number } | undefined
  world.observe({
    received: (at, from, frame) => {
      if (vote !== undefined || frame._tag !== "Raft" || frame.group !== group) return
      const { message } = frame
      const granted = message._tag === "RequestVoteResponse" && message.granted
      if (granted) vote = { voter: from, candidate: at.id }
    },
  })
  world.runUntil(() => vote !== undefined, 10_000, "a vote")
  return vote!
}

describe("an old copy of the whole folder that knows nothing of a vote", () => {
  test("whoever got the vote remembers it, and it is not given twice", () => {
    const { world, values } = written()
    const old = leads(world, 0)
    const votes = votesOf(world)
    for (const { disk } of world.brokers) disk.takeBackup()
    world.isolate(old)
    const { voter, candidate } = nextVote(world, 0)
    world.crash(voter)
    expect(world.broker(voter).disk.restore(true)).toBe(true)
    world.run(5000)
    // It is greeted by the candidate, and hears no more of it.
    world.cut(candidate, voter)
    world.network.heal(old, voter)
    world.network.heal(voter, old)
    world.start(voter)
    world.run(150)
    expect(world.node(voter).raftGroup(0)!.node.holdVotes).toBe(false)
    world.broker(old).process!.enter((node) => node.raftGroup(0)!.campaign("assigned"))
    world.run(150)
    expect([...votes].filter(([, to]) => to.size > 1)).toEqual([])
    expect(world.lines.filter((line) => line.includes("group 0 has lost a vote")).length).toBe(1)
    world.heal()
    world.runUntil(() => recovered(world), 20_000, "all groups trusted again")
    expect(contents(world, "t")).toEqual(values)
  })

  test("of a partition: the member waits for the others' terms, and is taken back", () => {
    const { world, values } = written()
    const group = groupOf(world, "t")
    const votes = votesOf(world)
    for (const { disk } of world.brokers) disk.takeBackup()
    const old = leads(world, group)
    world.crash(old)
    const { voter } = nextVote(world, group)
    world.crash(voter)
    expect(world.broker(voter).disk.restore(true)).toBe(true)
    world.start(voter)
    world.start(old)
    const line = `group ${group} has lost a vote`
    world.runUntil(() => world.lines.some((one) => one.includes(line)), 10_000, "a peer's memory")
    world.runUntil(() => recovered(world), 20_000, "all groups trusted again")
    expect([...votes].filter(([, to]) => to.size > 1)).toEqual([])
    expect(contents(world, "t")).toEqual(values)
  })
})

/** Of the simulated disk: it rots where it lies. */
const damaged = (world: World, id: number, topic: string, index: number) =>
  damagedIn(world, id, groupOf(world, topic), index)

function damagedIn(world: World, id: number, group: number, index: number): void {
  const log = world.broker(id).disk.log(group)
  if (!("damaged" in log) || !(log.damaged instanceof Set)) throw new Error("no simulated log")
  log.damaged.add(index)
}

const lost = (acceptDataLoss: boolean) => {
  const world = new World({ seed: 5, settings: { acceptDataLoss } }).startAll().untilReady()
  createTopic(world, "t", { replicas: 1 })
  createTopic(world, "u", { replicas: 3 })
  const leader = untilLed(world, "t")
  write(world, "t", 0, 10)
  world.crash(leader)
  world.broker(leader).disk.loseTail(3)
  world.start(leader)
  world.run(5000)
  return { world, leader, elsewhere: (leader + 1) % 3 }
}

const configurationIn = (world: World, id: number, group: number) => {
  const log = world.broker(id).disk.log(group)
  return log.configurationAt(log.lastIndex)
}

/** A disk was replaced, so that the logs name other members than at their creation. */
function withNewMember(): { world: World; id: number } {
  const { world, leader } = written(4)
  const [wiped, id] = [(leader + 1) % 3, (leader + 2) % 3]
  world.crash(wiped)
  world.run(1000)
  world.wipe(wiped)
  world.start(wiped)
  const replaced = () =>
    recovered(world) && [0, groupOf(world, "t")].every((group) => configurationIn(world, id, group))
  world.runUntil(replaced, 30_000, "the new disk is a member")
  world.run(2000)
  return { world, id }
}

/** Damage that is met while the broker runs, or as it starts. */
describe("a damaged entry", () => {
  test("on the leader: it is not served, others take over and give it back", () => {
    const { world, values, leader } = written()
    damaged(world, leader, "t", 8)
    const first = readAll(world, leader, "t")
    expect(first.errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    expect(first.records.map(({ value }) => value)).toEqual(values.slice(0, first.records.length))
    world.runUntil(() => untilLed(world, "t") !== leader, 5000, "another leader")
    expect(contents(world, "t")).toEqual(values)
    const group = groupOf(world, "t")
    const node = () => world.node(leader).raftGroup(group)!
    world.runUntil(() => node().node.standing === "trusted" && !node().isDamaged, 10_000, "trust")
    const log = world.broker(leader).disk.log(group)
    expect(log.entries(8, 9, 0).length).toBe(1)
    expect(log.lastIndex).toBeGreaterThanOrEqual(21)
    expect(world.lines.some((line) => line.includes("forgets its entries from 8 on"))).toBe(true)
    world.runUntil(() => leaderOf(world, "t") === leader, 20_000, "the preferred leader again")
    expect(contents(world, "t")).toEqual(values)
  })

  test("on a follower: given back while the leader goes on", () => {
    const { world, values, leader } = written()
    const id = (leader + 1) % 3
    damaged(world, id, "t", 5)
    world.node(id).damaged(groupOf(world, "t"), 5, "found by the scrub", world.nowMs)
    const raftGroup = world.node(id).raftGroup(groupOf(world, "t"))!
    world.runUntil(() => !raftGroup.isDamaged, 5000, "forgotten")
    world.runUntil(() => recovered(world), 10_000, "trust")
    expect(world.broker(id).disk.log(groupOf(world, "t")).entries(5, 6, 0).length).toBe(1)
    expect(leaderOf(world, "t")).toBe(leader)
    expect(contents(world, "t")).toEqual(values)
  })

  for (const [what, group] of Object.entries({ "a partition": 1, "the metadata": 0 })) {
    test(`that names the members of ${what}: the broker starts, its leader gives it back`, () => {
      const { world, id } = withNewMember()
      const { index } = configurationIn(world, id, group)!
      world.crash(id)
      damagedIn(world, id, group, index)
      world.start(id)
      world.runUntil(() => recovered(world), 20_000, "trust")
      expect(configurationIn(world, id, group)!.index).toBe(index)
      const said = `group ${group}: forgets its entries from ${index} on`
      expect(world.lines.some((line) => line.includes(said))).toBe(true)
      expect(contents(world, "t").length).toBe(20)
    })
  }

  test("that names the members, met by a cut of the log: given back while the broker runs", () => {
    const { world, id } = withNewMember()
    const group = groupOf(world, "t")
    const { index } = configurationIn(world, id, group)!
    const partition = world.node(id).partition(group)!
    damagedIn(world, id, group, index)
    expect(partition.cutTo(partition.raftGroup.appliedIndex)).toBe(0)
    expect(partition.raftGroup.isDamaged).toBe(true)
    world.runUntil(() => !partition.raftGroup.isDamaged && recovered(world), 20_000, "trust")
    expect(configurationIn(world, id, group)!.index).toBe(index)
    expect(contents(world, "t").length).toBe(20)
  })

  test("that names the members, and nobody else has a copy: that group alone is not run", () => {
    const { world, leader } = written(5)
    const group = groupOf(world, "t")
    expect(reassign(world, leader, "t", [leader])).toBe(0)
    world.runUntil(() => isSettled(world, "t"), 20_000, "the reassignment")
    const { index } = configurationIn(world, leader, group)!
    const before = world.broker(leader).disk.log(group).lastIndex
    world.crash(leader)
    damagedIn(world, leader, group, index)
    world.start(leader)
    const refusals = () => world.lines.filter((line) => line.includes(`group ${group} is not run`))
    world.runUntil(() => refusals().length > 0, 20_000, "the refusal")
    world.run(3000)
    expect(refusals().length).toBe(1)
    expect(refusals()[0]).toContain("no other broker has a copy")
    expect(world.broker(leader).disk.log(group).lastIndex).toBe(before)
    expect(createTopic(world, "u")).toBe(0)
  })

  test("in a group that sleeps: its leader is woken, with no new link", () => {
    const { world, leader } = written()
    const [id, group] = [(leader + 1) % 3, groupOf(world, "t")]
    const asleep = (at: number) => world.node(at).raftGroup(group)!.node.quiesced
    world.runUntil(() => [0, 1, 2].every(asleep), 20_000, "sleep")
    damaged(world, id, "t", 5)
    world.node(id).damaged(group, 5, "found by the scrub", world.nowMs)
    world.runUntil(() => !world.node(id).raftGroup(group)!.isDamaged, 5000, "forgotten")
    world.runUntil(() => recovered(world), 20_000, "trust")
    world.runUntil(() => [0, 1, 2].every(asleep), 20_000, "sleep again")
  })

  test("of group 0 met by applying it again: the others give it back", () => {
    const { world, values, leader } = written()
    const id = (leader + 2) % 3
    world.node(id).damaged(0, 3, "found by the scrub", world.nowMs)
    world.runUntil(() => recovered(world), 10_000, "trust")
    expect(createTopic(world, "u")).toBe(0)
    expect(contents(world, "t")).toEqual(values)
  })
})

const bothHurt = (settings: Partial<NodeSettings>) => {
  const world = new World({ seed: 6, nodes: 2, settings }).startAll().untilReady()
  createTopic(world, "t", { replicas: 2 })
  write(world, "t", 0, 10)
  for (const id of [0, 1]) world.crash(id)
  for (const id of [0, 1]) {
    world.broker(id).disk.loseTail(6)
    world.start(id)
  }
  return world
}

describe("the only copy", () => {
  test("does not run when something of it is lost, and says how to go on", () => {
    const { world, leader, elsewhere } = lost(false)
    expect(leaderOf(world, "t", 0, elsewhere)).toBe(-1)
    const refused = world.node(leader).status().recovering
    expect(refused).toEqual([{ group: groupOf(world, "t"), standing: "refused" }])
    expect(world.lines.some((line) => line.includes("varve start --accept-data-loss"))).toBe(true)
    expect(untilLed(world, "u")).toBeGreaterThanOrEqual(0)
    // What is left of it stays where it is.
    const left = world.broker(leader).disk.log(groupOf(world, "t"))
    expect(left.lastIndex).toBeGreaterThan(5)
  })

  test("runs with what is left when it was told to, and says so", () => {
    const { world, leader, elsewhere } = lost(true)
    expect(leaderOf(world, "t", 0, elsewhere)).toBe(leader)
    expect(contents(world, "t").length).toBeLessThan(10)
    expect(world.lines.some((line) => line.includes("DATA LOSS ACCEPTED"))).toBe(true)
    write(world, "t", 10, 1)
  })

  test("two voters, one has lost its end: the other one has all of it, and fills it up", () => {
    const world = new World({ seed: 6, nodes: 2 }).startAll().untilReady()
    createTopic(world, "t", { replicas: 2 })
    write(world, "t", 0, 10)
    world.crash(1)
    world.broker(1).disk.loseTail(6)
    world.start(1)
    world.runUntil(() => recovered(world), 30_000, "everything runs")
    const values = write(world, "t", 10, 1)
    expect(contents(world, "t").at(-1)).toBe(values[0])
    expect(contents(world, "t").length).toBe(11)
  })

  test("two voters, both have lost their end: nothing goes on until it is told to", () => {
    const world = bothHurt({})
    world.run(30_000)
    expect(world.ready()).toBe(false)
    expect(world.node(1).status().recovering.length).toBeGreaterThan(0)
    const said = world.lines.filter((line) => line.includes("no majority of whole logs"))
    expect(said.length).toBe(2)
  })

  test("two voters, told to: goes on with what is left", () => {
    const world = bothHurt({ acceptDataLoss: true })
    world.runUntil(() => recovered(world), 30_000, "everything runs")
    expect(world.lines.some((line) => line.includes("DATA LOSS ACCEPTED"))).toBe(true)
    write(world, "t", 10, 1)
  })

  test("of the metadata: the broker does not run at all", () => {
    const world = new World({ seed: 5, nodes: 1 }).startAll().untilReady()
    createTopic(world, "t", { replicas: 1 })
    world.crash(0)
    world.broker(0).disk.loseTail(2)
    world.start(0)
    expect(world.broker(0).process).toBeUndefined()
    expect(world.lines.some((line) => line.includes("--accept-data-loss"))).toBe(true)
  })
})
