/** A node that takes over from another one in the same process, on what that one wrote last. */
import { expect, test } from "bun:test"
import { RaftNode } from "../../raft/index.ts"
import { alone, append, only, requestVote } from "./alone.ts"

const at = (term: number, index: number) => ({ term, index })

function takenOver(written: "durable" | "handedOver"): RaftNode {
  const { config, disk } = alone({ voters: ["n1", "n2", "n3"], log: [1, 1] })
  return new RaftNode(config, { ...disk.hardState, term: 2, votedFor: "n2" }, disk, written)
}

test("a log that is durable is acknowledged at once, and its vote repeated", () => {
  const node = takenOver("durable")
  node.step(append("n2", 2, at(1, 2)))
  expect(only(node.ready().messages, "AppendEntriesResponse")).toMatchObject([{ matchIndex: 2 }])
})

test("one that was only handed over is acknowledged when the first Ready is durable", () => {
  const node = takenOver("handedOver")
  node.step(append("n2", 2, at(1, 2)))
  const ready = node.ready()
  expect(ready.messages).toEqual([])
  expect(ready.hardState).toMatchObject({ term: 2, votedFor: "n2" })
  expect(ready.token).not.toBeNull()
  if (ready.token !== null) expect(node.persisted(ready.token)).toBe(true)
  expect(node.durableIndex).toBe(2)
  const later = [...ready.afterPersist, ...node.ready().messages]
  expect(only(later, "AppendEntriesResponse")).toMatchObject([{ matchIndex: 2 }])
})

test("nor does its vote leave before", () => {
  const node = takenOver("handedOver")
  node.step(requestVote("n2", 2, at(1, 2)))
  const ready = node.ready()
  expect(ready.messages).toEqual([])
  expect(only([...ready.afterPersist], "RequestVoteResponse")).toMatchObject([{ granted: true }])
})
