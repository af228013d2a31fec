import { afterEach, expect, test } from "bun:test"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs"
import { writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expectLog, readIdentity, replaceIdentity } from "../../storage/index.ts"
import {
  formatDiskUuids,
  parseDiskUuids,
  readBrokerJson,
  writeBrokerJson,
} from "../../src/broker/broker-json.ts"
import { existingNodes, prepareCluster, removeBrokers } from "../../src/cli/cluster-folder.ts"
import type { ClusterPlan } from "../../src/cli/cluster-folder.ts"
import { runCli } from "../support/run-cli.ts"

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function plan(more: Partial<ClusterPlan> = {}): ClusterPlan {
  const dir = mkdtempSync(join(tmpdir(), "varve-folder-"))
  folders.push(dir)
  return { dir, nodes: 3, port: 9092, httpPort: 8080, sets: {}, ...more }
}

const json = (p: ClusterPlan, id: number) =>
  readBrokerJson(join(p.dir, `broker-${id}`, "broker.json"))
const disks = (p: ClusterPlan, id: number) =>
  parseDiskUuids(json(p, id)["varve.disk.uuids"] ?? "") ?? []

test("a new cluster: one id, one disk per broker, all pairs in every file, own pair in identity.json", () => {
  const p = plan({ sets: { "num.partitions": "4" } })
  prepareCluster(p)
  expect(readdirSync(p.dir).sort()).toEqual(["broker-0", "broker-1", "broker-2"])
  for (const id of [0, 1, 2]) {
    expect(disks(p, id)).toEqual(disks(p, 0))
    expect(json(p, id)).toMatchObject({
      "node.id": String(id),
      "cluster.id": json(p, 0)["cluster.id"] ?? "",
      listeners: `PLAINTEXT://127.0.0.1:${9092 + id}`,
      "varve.http.listener": `127.0.0.1:${8080 + id}`,
      "varve.peers": "0@127.0.0.1:9092,1@127.0.0.1:9093,2@127.0.0.1:9094",
      "num.partitions": "4",
      "default.replication.factor": "3",
    })
    const own = disks(p, id).find((pair) => pair.nodeId === id)
    expect(readIdentity(join(p.dir, `broker-${id}`))).toEqual({
      clusterId: json(p, id)["cluster.id"] ?? "",
      nodeId: id,
      diskUuid: own?.diskUuid ?? "",
    })
    expect(own?.diskUuid).toMatch(/^[0-9a-f]{32}$/)
  }
  expect(json(p, 0)["cluster.id"]).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/)
  expect(existingNodes(p.dir)).toBe(3)
})

test("a later start keeps who the brokers are and writes the rest anew", () => {
  const p = plan({ sets: { "num.partitions": "4" } })
  prepareCluster(p)
  const before = [disks(p, 0), json(p, 0)["cluster.id"]]
  prepareCluster({ ...p, port: 19_092, sets: {} })
  expect([disks(p, 0), json(p, 0)["cluster.id"]]).toEqual(before)
  expect(json(p, 1)["listeners"]).toBe("PLAINTEXT://127.0.0.1:19093")
  expect(json(p, 1)["num.partitions"]).toBeUndefined()
})

test("a missing folder gets a new disk behind the founders, in every file", () => {
  const p = plan()
  prepareCluster(p)
  const founders = disks(p, 0)
  rmSync(join(p.dir, "broker-1"), { recursive: true })
  prepareCluster(p)
  for (const id of [0, 1, 2]) {
    expect(disks(p, id).slice(0, 3)).toEqual([...founders])
    expect(disks(p, id).length).toBe(4)
  }
  expect(readIdentity(join(p.dir, "broker-1"))?.diskUuid).toBe(disks(p, 0)[3]?.diskUuid ?? "")
})

test("disks that brokers came back as, each named in its own file only, are all known", () => {
  const p = plan()
  prepareCluster(p)
  const founders = disks(p, 0)
  const renewed = [1, 2].map((nodeId) => ({ nodeId, diskUuid: `${nodeId}`.repeat(32) }))
  for (const pair of renewed) {
    const folder = join(p.dir, `broker-${pair.nodeId}`)
    writeBrokerJson(join(folder, "broker.json"), {
      ...json(p, pair.nodeId),
      "varve.disk.uuids": formatDiskUuids([...founders, pair]),
    })
    replaceIdentity(folder, pair.diskUuid)
  }
  prepareCluster(p)
  for (const id of [0, 1, 2]) expect(disks(p, id)).toEqual([...founders, ...renewed])
  expect(readIdentity(join(p.dir, "broker-2"))?.diskUuid).toBe("2".repeat(32))
})

test("a folder has a log from the moment it has an identity", () => {
  const p = plan()
  prepareCluster(p)
  for (const id of [0, 1, 2]) expect(() => expectLog(join(p.dir, `broker-${id}`))).not.toThrow()
  rmSync(join(p.dir, "broker-1", "sentinel"))
  // Whether the log was ever used is the broker's to say, not the supervisor's to guess.
  prepareCluster(p)
  expect(() => expectLog(join(p.dir, "broker-1"))).toThrow("has had a log and has none")
})

test("a start that was cut short before any broker.json is simply made again", () => {
  const p = plan()
  prepareCluster(p)
  for (const id of [0, 1, 2]) rmSync(join(p.dir, `broker-${id}`, "broker.json"))
  expect(existingNodes(p.dir)).toBeUndefined()
  rmSync(join(p.dir, "broker-2"), { recursive: true })
  prepareCluster(p)
  expect(disks(p, 0).length).toBe(3)
  expect(readIdentity(join(p.dir, "broker-0"))?.diskUuid).toBe(disks(p, 0)[0]?.diskUuid ?? "")
})

test("a log without its identity is not taken over", () => {
  const p = plan()
  prepareCluster(p)
  const folder = join(p.dir, "broker-2")
  rmSync(join(folder, "identity.json"))
  writeFileSync(join(folder, "segment-000001.db"), "")
  expect(() => prepareCluster(p)).toThrow("holds a log (segment-000001.db) but no identity")
})

test("brokers of two clusters in one folder are refused", () => {
  const [p, other] = [plan(), plan()]
  prepareCluster(p)
  prepareCluster(other)
  const foreign = readFileSync(join(other.dir, "broker-1", "broker.json"), "utf8")
  writeFileSync(join(p.dir, "broker-1", "broker.json"), foreign)
  expect(() => prepareCluster(p)).toThrow("but others in")
})

test("--fresh takes DIR/broker-<number> and nothing else", () => {
  const p = plan()
  prepareCluster(p)
  mkdirSync(join(p.dir, "broker-x"))
  writeFileSync(join(p.dir, "broker-notes.txt"), "")
  removeBrokers(p.dir)
  expect(readdirSync(p.dir).sort()).toEqual(["broker-notes.txt", "broker-x"])
})

test("--form-only writes the folders and starts nothing", async () => {
  const { dir } = plan()
  const flags = ["--dir", dir, "--nodes", "3", "--set", "num.partitions=6"]
  const formed = await runCli("main.ts", ["cluster", "--form-only", ...flags])
  expect(formed).toMatchObject({ exit: 0, stdout: `formed: 3 brokers in ${dir}\n` })
  const broker = readBrokerJson(join(dir, "broker-2", "broker.json"))
  expect(broker["num.partitions"]).toBe("6")
  expect(existsSync(join(dir, "broker-2", "broker.pid"))).toBe(false)
  const again = await runCli("main.ts", ["cluster", "--form-only", "--restart", "--dir", dir])
  expect(again).toMatchObject({ exit: 2 })
  expect(again.stderr).toContain("--restart has no meaning beside --form-only")
})
