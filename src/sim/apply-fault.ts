/** Faults done to a world. Each returns whether it could be. */
import type { SimBroker } from "./broker.ts"
import type { Fault, Target } from "./faults.ts"
import type { OldCopies } from "./old-copies.ts"
import type { SimWorld } from "./world.ts"

export function applyFault(world: SimWorld, fault: Fault): boolean {
  switch (fault._tag) {
    case "crash":
    case "crashAll":
    case "start":
    case "crashLoop":
    case "pause":
    case "shutdown":
      return toProcess(world, fault)
    case "cut":
    case "isolate":
    case "split":
    case "bridge":
    case "ring":
      return cutting(world, fault)
    case "heal":
    case "clog":
    case "slow":
    case "resetLink":
    case "capacity":
      return toNetwork(world, fault)
    case "clockJump":
      world.broker(fault.node).clock.jump(fault.byMs)
      world.engine.met("clockJumped")
      return true
    case "clockDrift":
      world.broker(fault.node).clock.setDrift(fault.perMille * 1000)
      return true
    case "cutLog":
      return cutLog(world, fault.node, fault.pick)
    case "transfer":
      return transfer(world, fault.pick)
    default:
      return toDisk(world, fault)
  }
}

type Of<Tag extends Fault["_tag"]> = Extract<Fault, { readonly _tag: Tag }>

/** Undefined: nobody is meant now. */
function targetOf(world: SimWorld, target: Target): SimBroker | undefined {
  if (typeof target === "number") return world.brokers[target]
  for (const { node } of world.brokers) {
    if (node === undefined) continue
    const groups = [...node.image.groups.keys()]
    const group = target === "metadataLeader" ? 0 : groups[target.leaderOfPick % groups.length]
    const { leader } = node.leaders.state(group ?? 0)
    const broker = world.brokers[leader]
    if (broker?.process !== undefined) return broker
  }
  return undefined
}

function startLater(world: SimWorld, broker: SimBroker, downMs: number | undefined): void {
  if (downMs === undefined) return
  const { starts } = broker
  world.engine.act(downMs * 1000, () => {
    if (broker.process === undefined && broker.starts === starts) broker.start()
  })
}

// ---- processes

type ProcessFault = Of<"crash" | "crashAll" | "start" | "crashLoop" | "pause" | "shutdown">

function toProcess(world: SimWorld, fault: ProcessFault): boolean {
  switch (fault._tag) {
    case "crashAll":
      for (const broker of world.running()) {
        broker.crash(fault.power)
        startLater(world, broker, fault.downMs)
      }
      return true
    case "start": {
      const broker = world.broker(fault.node)
      if (broker.process !== undefined) return false
      broker.start()
      return true
    }
    default:
      return toRunning(world, fault)
  }
}

function toRunning(
  world: SimWorld,
  fault: Exclude<ProcessFault, Of<"crashAll" | "start">>,
): boolean {
  const broker = targetOf(world, fault.node)
  if (broker?.process === undefined) return false
  switch (fault._tag) {
    case "crash":
      crash(world, broker, fault)
      return true
    case "crashLoop":
      crashLoop(world, broker, fault, fault.times)
      return true
    case "pause":
      pause(world, broker, fault.forMs)
      return true
    case "shutdown":
      shutDown(world, broker, fault.downMs)
      return true
    default:
      return fault satisfies never
  }
}

function crash(world: SimWorld, broker: SimBroker, fault: Of<"crash">): void {
  const now = () => {
    noteQuiesced(world, broker)
    broker.crash(fault.power, fault.keep)
    startLater(world, broker, fault.downMs)
  }
  if (fault.behind === undefined) now()
  else broker.arm(fault.behind, now, fault.skip)
}

function noteQuiesced(world: SimWorld, { node }: SimBroker): void {
  const status = node?.status()
  if (status !== undefined && status.partitions.led > 0 && status.partitions.quiesced > 0) {
    world.engine.met("crashWithQuiesced")
  }
}

function crashLoop(
  world: SimWorld,
  broker: SimBroker,
  fault: Of<"crashLoop">,
  times: number,
): void {
  if (times === 0 || broker.process === undefined) return
  broker.crash(false)
  const { starts } = broker
  world.engine.act(fault.downMs * 1000, () => {
    if (broker.process !== undefined || broker.starts !== starts) return
    broker.start()
    world.engine.act(fault.upMs * 1000, () => {
      if (broker.starts === starts + 1) crashLoop(world, broker, fault, times - 1)
    })
  })
}

function pause(world: SimWorld, broker: SimBroker, forMs: number): void {
  const { process } = broker
  process?.pause()
  world.engine.act(forMs * 1000, () => process?.resume())
}

function shutDown(world: SimWorld, broker: SimBroker, downMs: number | undefined): void {
  const { process } = broker
  if (process === undefined) return
  const step = () => {
    if (process.dead) return
    const done = process.paused || process.enter((node, nowMs) => node.shutdown(nowMs)) !== "done"
    if (done) return world.engine.act(25_000, step)
    world.engine.met("shutDown")
    broker.close()
    startLater(world, broker, downMs)
  }
  step()
}

// ---- network

type CuttingFault = Of<"cut" | "isolate" | "split" | "bridge" | "ring">

function cutting(world: SimWorld, fault: CuttingFault): boolean {
  const by = {}
  const isCut = cutsOf(world, fault)
  if (isCut === undefined) return false
  for (const { from, to } of world.network.all()) {
    if (isCut(from, to)) world.network.cut(from, to, fault.mode, by)
  }
  if (fault.forMs !== undefined) {
    world.engine.act(fault.forMs * 1000, () => world.network.healCutsOf(by))
  }
  return true
}

function cutsOf(
  world: SimWorld,
  fault: CuttingFault,
): ((from: number, to: number) => boolean) | undefined {
  switch (fault._tag) {
    case "cut":
      return (from, to) => from === fault.from && to === fault.to
    case "isolate": {
      const id = targetOf(world, fault.node)?.id
      if (id === undefined) return undefined
      const { ways } = fault
      return (from, to) => (ways !== "in" && from === id) || (ways !== "out" && to === id)
    }
    case "split": {
      const { side, ways } = fault
      const isOut = (from: number, to: number) => side.includes(from) && !side.includes(to)
      return (from, to) => isOut(from, to) || (ways === "both" && isOut(to, from))
    }
    case "bridge": {
      const { over, side } = fault
      return (from, to) => from !== over && to !== over && side.includes(from) !== side.includes(to)
    }
    case "ring": {
      const size = world.brokers.length
      return (from, to) => (from + 1) % size !== to && (to + 1) % size !== from
    }
    default:
      return fault satisfies never
  }
}

function toNetwork(
  world: SimWorld,
  fault: Of<"heal" | "clog" | "slow" | "resetLink" | "capacity">,
): boolean {
  const { network, engine } = world
  switch (fault._tag) {
    case "heal":
      network.healAll()
      return true
    case "resetLink":
      network.reset(fault.from, fault.to)
      return true
    case "capacity":
      network.capacity = fault.bytesPerMs
      engine.act(fault.forMs * 1000, () => {
        network.capacity = 0
      })
      return true
    case "clog":
      network.link(fault.from, fault.to).cloggedUntilUs = engine.nowUs + fault.forMs * 1000
      return true
    case "slow": {
      const link = network.link(fault.from, fault.to)
      link.slowUntilUs = engine.nowUs + fault.forMs * 1000
      link.slowByUs = fault.byMs * 1000
      return true
    }
    default:
      return fault satisfies never
  }
}

// ---- disks

type DiskFault = Of<
  | "diskStall"
  | "fsyncError"
  | "diskFull"
  | "loseTail"
  | "damageEntry"
  | "loseSentinel"
  | "backup"
  | "restore"
  | "replaceDisk"
>

function toDisk(world: SimWorld, fault: DiskFault): boolean {
  const broker = targetOf(world, fault.node)
  if (broker === undefined) return false
  const { disk } = broker
  const { engine } = world
  switch (fault._tag) {
    case "diskStall":
      disk.stalledUntilUs = engine.nowUs + fault.forMs * 1000
      return true
    case "diskFull":
      disk.space = "low"
      engine.met("diskFull")
      engine.act(fault.forMs * 1000, () => {
        disk.space = "ample"
      })
      return true
    case "fsyncError":
      if (broker.process === undefined) return false
      disk.failNextSync = true
      broker.whenStopped = () => startLater(world, broker, fault.downMs)
      return true
    case "backup":
      disk.takeBackup()
      return true
    default:
      return hurting(world, broker, fault)
  }
}

/** The background scrub comes by, unless somebody reads the entry before. */
function scrubLater(world: SimWorld, broker: SimBroker, afterMs: number): void {
  world.engine.act(afterMs * 1000, () => {
    const found = broker.disk.firstDamaged()
    if (found === undefined) return
    const { process } = broker
    if (process !== undefined && !process.paused) {
      world.engine.met("scrubbed")
      const { group, index } = found
      process.enter((node, nowMs) => node.damaged(group, index, "found by the scrub", nowMs))
    }
    scrubLater(world, broker, 5000)
  })
}

type HurtingFault = Of<"loseTail" | "damageEntry" | "loseSentinel" | "restore" | "replaceDisk">

function hurting(world: SimWorld, broker: SimBroker, fault: HurtingFault): boolean {
  const { disk } = broker
  if (fault._tag === "damageEntry") {
    const among = fault.beyond === true ? undefined : world.atlas.mayRot(broker)
    if (!disk.damage(fault.pick, among)) return false
    broker.wasDamaged()
    scrubLater(world, broker, 500 + (fault.pick % 20) * 500)
    return true
  }
  if (fault.beyond !== true && !world.atlas.mayHurt(broker)) return false
  const tellers = tellersOf(world, broker, fault)
  if (tellers === undefined) return false
  if (broker.process !== undefined) broker.crash(true)
  if (forgetsGroups(fault) && fault.beyond !== true && !world.atlas.mayForget(broker)) {
    forgetLater(world, broker, fault)
    return true
  }
  world.atlas.noteHurt(broker)
  const done = hurt(broker, fault)
  if (done) {
    world.oldCopies.restored(broker, tellers)
    broker.wasDamaged()
  }
  startLater(world, broker, fault.downMs)
  return done
}

const fencedMaxMs = 60_000

type Forgetting = Of<"loseSentinel" | "replaceDisk">

/** What is placed on the disk and not begun there cannot be told from what it has forgotten. */
const forgetsGroups = (fault: HurtingFault): fault is Forgetting =>
  fault._tag === "loseSentinel" || fault._tag === "replaceDisk"

/** Once the others know that the broker is gone; it comes back on its old disk if they never do. */
function forgetLater(
  world: SimWorld,
  broker: SimBroker,
  fault: Forgetting,
  leftMs = fencedMaxMs,
): void {
  const { starts } = broker
  world.engine.act(100_000, () => {
    if (broker.process !== undefined || broker.starts !== starts) return
    if (world.atlas.mayForget(broker)) {
      world.atlas.noteHurt(broker)
      hurt(broker, fault)
      broker.wasDamaged()
    } else if (leftMs > 0) {
      return forgetLater(world, broker, fault, leftMs - 100)
    }
    startLater(world, broker, fault.downMs)
  })
}

/** A whole old copy bears no sign of its age. Undefined: nor could anybody else tell. */
function tellersOf(
  world: SimWorld,
  broker: SimBroker,
  fault: HurtingFault,
): ReturnType<OldCopies["tellersFor"]> {
  if (fault._tag !== "restore" || !fault.sentinel || fault.beyond === true) return new Map()
  return world.oldCopies.tellersFor(broker)
}

function hurt(broker: SimBroker, fault: Exclude<HurtingFault, Of<"damageEntry">>): boolean {
  switch (fault._tag) {
    case "loseTail":
      return broker.disk.loseTail(fault.commits)
    case "loseSentinel":
      broker.disk.loseSentinel()
      return true
    case "restore":
      return broker.disk.restore(fault.sentinel)
    case "replaceDisk":
      broker.replaceDisk()
      return true
    default:
      return fault satisfies never
  }
}

// ---- inside the broker

function cutLog(world: SimWorld, node: Target, pick: number): boolean {
  const broker = targetOf(world, node)
  const machine = broker?.node
  if (broker?.process === undefined || machine === undefined || broker.paused) return false
  const groups = [...machine.image.groups.keys()].filter((group) => machine.partition(group))
  const group = groups[pick % Math.max(1, groups.length)]
  const partition = group === undefined ? undefined : machine.partition(group)
  if (partition === undefined) return false
  const { appliedIndex, log } = partition.raftGroup
  const room = appliedIndex - log.cut.index
  if (room < 2) return false
  const index = log.cut.index + 1 + (Math.floor(pick / groups.length) % (room - 1))
  broker.process.enter(() => partition.cutTo(index))
  return true
}

function transfer(world: SimWorld, pick: number): boolean {
  for (const broker of world.running()) {
    const { node, process } = broker
    if (node === undefined || process === undefined || process.paused) continue
    const led = [...node.image.groups.keys()].filter((group) => node.partition(group)?.isLeader)
    const group = led[pick % Math.max(1, led.length)]
    const raft = group === undefined ? undefined : node.partition(group)?.raftGroup
    if (raft === undefined) continue
    const others = raft.node.configuration.voters.filter((voter) => voter !== process.member)
    const target = others[pick % Math.max(1, others.length)]
    if (target === undefined) continue
    return process.enter(() => raft.transferLeadership(target)) === "started"
  }
  return false
}
