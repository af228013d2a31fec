/**
 * A member that others wrote, in many lives: each is a process that is begun, killed in the middle
 * of whatever it does or told to leave, stopped and continued.
 */
import type { Prng } from "../../../../raft/prng.ts"
import { Gate } from "../gate.ts"
import { ForeignLife } from "./foreign-life.ts"
import type { ForeignShape } from "./foreign-life.ts"
import type { GroupPorts } from "./group-ports.ts"
import { MemberProcess } from "./member-process.ts"
import type { Member } from "./raw-member.ts"

/** No client of these keeps one waiting so long: it hangs, and is ended. */
const answerMs = 90_000
const leaveMs = 5000
const respawnMs = 1000
/** One that ended sooner than this has not got far: the next is begun later, and later. */
const shortMs = 3000
const respawnMsMax = 15_000

export class ForeignMember implements Member {
  readonly name: string
  readonly role = "member"
  readonly #shape: ForeignShape
  readonly #ports: GroupPorts
  readonly #chance: Prng
  readonly #over = new AbortController()
  #child: MemberProcess | undefined
  readonly #gate = new Gate()
  #isSettled = false
  /** The present process is killed on purpose. */
  #isKilled = false
  #operations = 0
  /** Of lives before this one. */
  #lived = 0
  #watched = -1
  #running: Promise<void> = Promise.resolve()

  constructor(name: string, shape: ForeignShape, ports: GroupPorts, chance: Prng) {
    this.name = `${shape.group}.${name}`
    this.#shape = shape
    this.#ports = ports
    this.#chance = chance
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  get operations(): number {
    return this.#operations
  }

  start(): void {
    this.#running = this.#run()
  }

  pause(): void {
    this.#gate.pause()
    this.#child?.signal("SIGSTOP")
  }

  resume(): void {
    this.#gate.resume()
    this.#child?.signal("SIGCONT")
  }

  settle(): void {
    this.#isSettled = true
  }

  /** Goes on as a new process: clients of others get stuck in ways of their own. */
  renew(): void {
    this.#isKilled = true
    this.#child?.kill()
  }

  /** Leaves its group, if it is not too slow for that. */
  async stop(): Promise<void> {
    this.#over.abort()
    this.resume()
    await this.#running
  }

  /** At once. */
  async dispose(): Promise<void> {
    this.#over.abort()
    this.#gate.resume()
    this.renew()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#over
    const { clock, log } = this.#ports
    let pauseMs = respawnMs
    for (let number = 1; !signal.aborted; number++) {
      await this.#gate.opened()
      const beganMs = clock.nowMs()
      try {
        await this.#live(number)
      } catch (error) {
        log(`${this.name}: ${String(error)}`)
      }
      const isShort = clock.nowMs() - beganMs < shortMs
      pauseMs = isShort ? Math.min(respawnMsMax, 2 * pauseMs) : respawnMs
      await clock.sleep(pauseMs, signal).catch(() => undefined)
    }
  }

  async #live(number: number): Promise<void> {
    const { lifeMs, crashPercent, command } = this.#shape
    const child = new MemberProcess(command)
    this.#child = child
    this.#isKilled = false
    const life = new ForeignLife(
      `${this.name}.${number}`,
      this.#shape,
      this.#ports,
      child,
      this.#gate,
    )
    const over = new AbortController()
    const crashes = this.#chance.below(100) < crashPercent
    const end = (): void => {
      if (this.#isSettled || !this.#gate.isOpen) return
      over.abort()
      // Whatever it is doing just then.
      if (crashes) this.renew()
    }
    const fate = lifeMs === 0 ? undefined : setTimeout(end, lifeMs / 2 + this.#chance.below(lifeMs))
    const watch = setInterval(() => this.#watch(life), answerMs)
    try {
      while (!this.#over.signal.aborted && !child.hasExited && !over.signal.aborted) {
        await life.step()
        this.#operations = life.operations + this.#lived
      }
      if (!child.hasExited && !this.#isKilled) {
        life.release()
        await child.leave(leaveMs)
      } else if (!this.#isKilled) this.#ports.log(`${this.name} ended by itself: ${child.tail}`)
    } finally {
      clearTimeout(fate)
      clearInterval(watch)
      this.#lived += life.operations
      child.kill()
      await child.exited
      this.#child = undefined
    }
  }

  /** A process that answers nothing hangs. */
  #watch(life: ForeignLife): void {
    if (life.operations === this.#watched && this.#gate.isOpen) this.renew()
    this.#watched = life.operations
  }
}
