import { serveMember } from "../../../src/chaos/drivers/groups/members/member-loop.ts"

/**
 * A member as a process, without any broker: it is given records 0, 1, 2, … of partition 0. What
 * becomes of a commit its first argument says: "ok", "refused", "dies".
 */
const behaviour = process.argv[2] ?? "ok"
let next = 0
let generation = 0

await serveMember({
  poll: async (waitMs) => {
    await Bun.sleep(Math.min(waitMs, 5))
    generation = 1
    const offset = next++
    return [{ topic: "t", partition: 0, offset, value: new TextEncoder().encode(`v${offset}`) }]
  },
  owned: () => ({ member: "m", generation, partitions: generation === 0 ? [] : [["t", 0]] }),
  commit: () => {
    if (behaviour === "dies") process.exit(1)
    if (behaviour === "refused") return Promise.reject(new Error("REBALANCE_IN_PROGRESS"))
    return Promise.resolve({ member: "m", generation })
  },
  leave: () => Promise.resolve(),
})
