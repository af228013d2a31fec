/**
 * No process of a run may outlive it, whatever happens to the run. A broker that is stopped by
 * SIGSTOP would not notice that its parent was killed: so a small shell in a session of its own
 * holds the reading end of a pipe whose writing end is ours. When that closes, however we went, it
 * kills those that it was told of.
 */
import type { FileSink, Subprocess } from "bun"
import { sendSignal } from "./process-state.ts"

/** Lines "+ pid" and "- pid"; the end of the input is our end. POSIX. */
const script = `
trap '' INT HUP TERM
pids=' '
while read -r sign pid; do
  case $sign in
    +) pids="$pids$pid " ;;
    -) case $pids in *" $pid "*) pids="\${pids%% $pid *} \${pids#* $pid }" ;; esac ;;
  esac
done
for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
`

export class ProcessGuard {
  private readonly shell: Subprocess<"pipe", "ignore", "ignore">
  private readonly pids = new Set<number>()
  private readonly onExit = () => this.killAll()

  constructor() {
    this.shell = Bun.spawn(["/bin/sh", "-c", script], {
      stdin: "pipe",
      stdout: "ignore",
      stderr: "ignore",
      detached: true,
    })
    // Waiting for the end of input is no reason for this process to live on.
    this.shell.unref()
    process.on("exit", this.onExit)
  }

  add(pid: number): void {
    this.pids.add(pid)
    this.tell(`+ ${pid}`)
  }

  /** It has ended: its number may soon be somebody else's. */
  remove(pid: number): void {
    if (this.pids.delete(pid)) this.tell(`- ${pid}`)
  }

  /** Kills what is left. */
  async dispose(): Promise<void> {
    process.off("exit", this.onExit)
    this.killAll()
    this.pids.clear()
    await this.input.end()
    await this.shell.exited
  }

  private killAll(): void {
    for (const pid of this.pids) sendSignal(pid, "SIGKILL")
  }

  private tell(line: string): void {
    void this.input.write(`${line}\n`)
    void this.input.flush()
  }

  private get input(): FileSink {
    return this.shell.stdin
  }
}
