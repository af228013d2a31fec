/**
 * The disks and clocks of a cluster's brokers, as faults get at them: how each broker must be
 * started for that, and what one run remembers about them.
 */
import { rmSync } from "node:fs"
import { join } from "node:path"
import type { Prng } from "../../../raft/prng.ts"
import type { Capability, ChaosNode, StartOptions } from "../cluster.ts"
import { ControlFolder } from "./control-folder.ts"
import { buildShim } from "./power/library.ts"
import { PowerDisk, powerPreload, type Cut } from "./power/power-disk.ts"
import { Victim } from "./victim.ts"

export interface DiskOptions {
  /** The run's folder, where the brokers' folders are too. */
  readonly dir: string
  /** Every broker runs under the shim, where that can be had. */
  readonly power: boolean
  /** One line for what is missing here. */
  readonly log: (line: string) => void
}

type Place = Pick<ChaosNode, "id" | "dir">

/** Of every fsync: else hardly a cut would fall between a write and its fsync. */
const slowUs = 2000

const troublePreload = join(import.meta.dir, "trouble", "preload.ts")

export function equipDisks(options: DiskOptions): Disks {
  return new Disks(options)
}

export class Disks {
  readonly capabilities: ReadonlySet<Capability>
  /** Whose files may be damaged. */
  readonly victim = new Victim()
  private readonly dir: string
  private readonly library: string | undefined
  private readonly folders = new Map<number, ControlFolder>()
  private readonly powered = new Map<number, PowerDisk>()

  constructor({ dir, power, log }: DiskOptions) {
    this.dir = dir
    const shim = power ? buildShim() : undefined
    this.library = shim !== undefined && "library" in shim ? shim.library : undefined
    if (shim !== undefined && "missing" in shim) log(`no power cuts: ${shim.missing}`)
    this.capabilities = new Set<Capability>([
      "files",
      "storage",
      "clock",
      ...(this.library === undefined ? [] : ["power" as const]),
    ])
  }

  /** To be asked before every start of a broker, for that start alone; it is then well again. */
  startOptions({ id, dir }: Place): StartOptions {
    const folder = this.control(id)
    folder.calm()
    const power = this.powerDisk({ id, dir })
    return {
      env: { ...power?.begin(), CHAOS_DISK: this.controlDir(id) },
      preload: power === undefined ? [troublePreload] : [powerPreload, troublePreload],
    }
  }

  control(id: number): ControlFolder {
    const folder = this.folders.get(id) ?? new ControlFolder(this.controlDir(id))
    this.folders.set(id, folder)
    return folder
  }

  /** For what chaos keeps of a broker's files; emptied here. */
  emptyCopyFolder(id: number): string {
    const dir = this.copyFolder(id)
    rmSync(dir, { recursive: true, force: true })
    return dir
  }

  copyFolder(id: number): string {
    return join(this.controlDir(id), "copy")
  }

  /** The broker's process is gone; only with the capability "power". */
  cut(id: number, prng: Prng, inOrder: boolean): Cut {
    const disk = this.powered.get(id)
    if (disk === undefined) throw new Error(`broker ${id} does not run under the shim`)
    return disk.cut(prng, inOrder)
  }

  private powerDisk({ id, dir }: Place): PowerDisk | undefined {
    if (this.library === undefined) return undefined
    const { record, failFsync } = this.control(id)
    const options = { dir, record, failFsync, library: this.library, slowUs }
    const disk = this.powered.get(id) ?? new PowerDisk(options)
    this.powered.set(id, disk)
    return disk
  }

  private controlDir(id: number): string {
    return join(this.dir, `disk-${id}`)
  }
}
