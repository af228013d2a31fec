import { expect, test } from "bun:test"
import { RaftNode, checkInvariants, emptyHardState, type Message } from "../../raft/index.ts"
import { Disk } from "./disk.ts"

const make = (id: string, voters: string[], seed: number) => {
  const disk = new Disk()
  const node = new RaftNode(
    {
      id,
      bootstrap: { voters, votersOutgoing: [], learners: [], learnersNext: [], witnesses: [] },
      electionTicks: 12,
      heartbeatTicks: 4,
      quiesceTicks: 40,
      appendBytesMax: 1 << 20,
      inflightMessagesMax: 64,
      inflightBytesMax: 1 << 22,
      seed,
    },
    emptyHardState,
    disk,
  )
  return { node, disk }
}
const run = (
  nodes: Map<string, ReturnType<typeof make>>,
  ticks: number,
  log?: (m: Message) => void,
) => {
  for (let t = 0; t < ticks; t++) {
    for (const n of nodes.values()) n.node.tick()
    settle(nodes, log)
  }
}
const settle = (nodes: Map<string, ReturnType<typeof make>>, log?: (m: Message) => void) => {
  let mail: Message[] = []
  for (let round = 0; round < 100; round++) {
    for (const { node, disk } of nodes.values()) {
      while (node.hasReady()) {
        const r = node.ready()
        mail.push(...r.messages)
        if (r.token !== null) {
          disk.take(r)
          disk.sync()
          if (node.persisted(r.token)) mail.push(...r.afterPersist)
        }
        if (r.committed.hi > r.committed.lo) node.applied(r.committed.hi - 1)
        checkInvariants(node)
      }
    }
    if (mail.length === 0) return
    const now = mail
    mail = []
    for (const m of now) {
      log?.(m)
      nodes.get(m.to)!.node.step(m)
    }
  }
  throw new Error("does not settle")
}
for (const size of [1, 3])
  test(`${size} nodes replicate and quiesce`, () => {
    const ids = Array.from({ length: size }, (_, i) => `n${i}`)
    const nodes = new Map(ids.map((id, i) => [id, make(id, ids, i + 1)]))
    nodes.get("n0")!.node.campaign("assigned")
    settle(nodes)
    const leader = nodes.get("n0")!.node
    expect(leader.role).toBe("leader")
    expect(leader.committedInTerm).toBe(true)
    for (let i = 0; i < 100; i++) {
      leader.propose({
        appendMs: i,
        firstOffset: i,
        lastOffset: i,
        maxTimestamp: i,
        producerId: -1,
        producerEpoch: -1,
        baseSequence: -1,
        payload: new Uint8Array([i]),
      })
      if (i % 7 === 0) settle(nodes)
    }
    settle(nodes)
    expect(leader.commitIndex).toBe(101)
    run(nodes, 1)
    for (const { node } of nodes.values())
      expect([node.commitIndex, node.appliedIndex]).toEqual([101, 101])
    run(nodes, 60)
    for (const { node } of nodes.values()) expect(node.quiesced).toBe(true)
  })
