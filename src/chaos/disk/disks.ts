/**
 * The disks and clocks of a cluster's brokers, as faults get at them: how each broker must be
 * started for that, and what one run remembers about them.
 */
import { existsSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import type { Prng } from "../../../raft/prng.ts"
import type { Capability, ChaosNode, StartOptions } from "../cluster.ts"
import { ControlFolder, writeWhole } from "./control-folder.ts"
import { faketimeEnvironment, faketimeText, findFaketime, forgetFaketime } from "./faketime.ts"
import { buildShim } from "./power/library.ts"
import { PowerDisk, powerPreload, type Cut } from "./power/power-disk.ts"
import { Victim } from "./victim.ts"

export interface DiskOptions {
  /** The run's folder, where the brokers' folders are too. */
  readonly dir: string
  /** Every broker runs under the shim, where that can be had. */
  readonly power: boolean
  /** Every broker runs under libfaketime, where that is installed. */
  readonly clock?: boolean
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
  private readonly faketime: string | undefined
  private readonly folders = new Map<number, ControlFolder>()
  private readonly powered = new Map<number, PowerDisk>()
  /** Where the brokers live that were started. */
  private readonly dirs = new Set<string>()

  constructor({ dir, power, clock = false, log }: DiskOptions) {
    this.dir = dir
    this.faketime = clock ? findFaketime() : undefined
    if (clock && this.faketime === undefined) {
      log("no libfaketime here: clocks are wrong for a broker's JavaScript alone")
    }
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
    this.forgetProcess(dir)
    this.dirs.add(dir)
    const power = this.powerDisk({ id, dir })
    return {
      env: {
        ...power?.begin(),
        ...this.libraries(),
        ...this.clockOf(folder),
        CHAOS_DISK: folder.dir,
      },
      preload: power === undefined ? [troublePreload] : [powerPreload, troublePreload],
    }
  }

  /** Of the whole process, within some seconds; false where that cannot be done. */
  setClock(id: number, offsetMs: number, rate: number): boolean {
    if (this.faketime === undefined) return false
    writeWhole(this.control(id).faketime, faketimeText(offsetMs, rate))
    return true
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

  /** All brokers have ended, for good. */
  end(): void {
    for (const disk of this.powered.values()) disk.end()
    for (const dir of this.dirs) this.forgetProcess(dir)
  }

  /** The last one of that folder has ended. */
  private forgetProcess(dir: string): void {
    const pidFile = join(dir, "broker.pid")
    if (this.faketime === undefined || !existsSync(pidFile)) return
    const pid = Number.parseInt(readFileSync(pidFile, "utf8"), 10)
    if (pid > 0) forgetFaketime(pid)
  }

  private libraries(): Readonly<Record<string, string>> {
    const all = [this.library, this.faketime].filter((one) => one !== undefined)
    return all.length === 0 ? {} : { LD_PRELOAD: all.join(":") }
  }

  private clockOf({ faketime }: ControlFolder): Readonly<Record<string, string>> {
    if (this.faketime === undefined) return {}
    writeWhole(faketime, faketimeText(0, 1))
    return faketimeEnvironment(faketime)
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
