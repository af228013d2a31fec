/** The clients of a run: which workloads, and how its partitions and records are shared out. */
import { availableDrivers } from "./drivers/available.ts"
import { OptionError } from "./options.ts"
import type { RunOptions } from "./result.ts"
import type { DriverName, Workload, WorkloadContext, WorkloadName } from "./workload.ts"
import { makeGroupsWorkload } from "./workloads/groups.ts"
import { makeIdempotenceWorkload } from "./workloads/idempotence.ts"
import { makeLogWorkload } from "./workloads/log.ts"
import { makeMetadataWorkload } from "./workloads/metadata.ts"

const makers: Readonly<Record<WorkloadName, (context: WorkloadContext) => Workload>> = {
  log: makeLogWorkload,
  idempotence: makeIdempotenceWorkload,
  groups: makeGroupsWorkload,
  metadata: makeMetadataWorkload,
}

/** Of partitions and records; metadata writes next to none. */
const weights: Readonly<Record<WorkloadName, number>> = {
  log: 4,
  idempotence: 2,
  groups: 2,
  metadata: 0,
}

/** Those that are on this machine; what is missing is said. Throws `OptionError` when all are. */
export async function driversHere(
  wanted: ReadonlyArray<DriverName>,
  log: (line: string) => void,
): Promise<ReadonlyArray<DriverName>> {
  const { there, missing } = await availableDrivers()
  const lacking = missing.filter(({ name }) => wanted.includes(name))
  for (const { name, why } of lacking) log(`driver ${name} is left out: ${why}`)
  const drivers = wanted.filter((name) => there.includes(name))
  if (drivers.length > 0) return drivers
  throw new OptionError(`--drivers: none is here: ${lacking.map(({ why }) => why).join("; ")}`)
}

/** In the order of their names in the options; not prepared yet. */
export function makeWorkloads(
  options: RunOptions,
  context: Omit<WorkloadContext, "partitions" | "rate" | "seed">,
): ReadonlyArray<Workload> {
  const sum = options.workloads.reduce((total, name) => total + weights[name], 0)
  return options.workloads.map((name) => {
    const share = (whole: number) =>
      sum === 0 ? whole : Math.max(1, Math.round((whole * weights[name]) / sum))
    return makers[name]({
      ...context,
      seed: options.seed,
      partitions: share(options.partitions),
      rate: share(options.rate),
    })
  })
}
