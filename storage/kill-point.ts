/**
 * Where a test may have the process die: the steps between which a crash must lose nothing. Off
 * unless VARVE_KILL_AT names one of them ("copied", or "copied:3" for the third time).
 */
const [wanted = "", times = "1"] = (process.env["VARVE_KILL_AT"] ?? "").split(":")
let left = Number(times)

export type KillPoint =
  | "made"
  | "rolled"
  | "indexed"
  | "sealed"
  | "left"
  | "halfCopied"
  | "written"
  | "copied"
  | "removed"

export function reached(point: KillPoint): void {
  if (point === wanted && --left === 0) process.kill(process.pid, "SIGKILL")
}
