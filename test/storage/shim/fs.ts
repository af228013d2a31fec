/**
 * The functions of node:fs that change files, through the C library: Bun's own make system calls
 * without it, which nothing that is preloaded can see. `patch.ts` puts this in their place.
 */
import { dlopen, ptr } from "bun:ffi"
import { constants, closeSync as closeReal, openSync as openReal } from "node:fs"
import { fdatasyncSync as dataReal, fsyncSync as syncReal, writeSync as writeReal } from "node:fs"

export * from "node:fs"

const library = process.env["POWER_LIBRARY"]
const c =
  library === undefined
    ? undefined
    : dlopen(library, {
        open: { args: ["ptr", "int", "int"], returns: "int" },
        close: { args: ["int"], returns: "int" },
        pwrite: { args: ["int", "ptr", "u64", "i64"], returns: "i64" },
        fsync: { args: ["int"], returns: "int" },
        fdatasync: { args: ["int"], returns: "int" },
        power_mark: { args: ["i64", "i64"], returns: "void" },
      }).symbols

const { O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = constants
const flagsOf: Record<string, number> = {
  r: O_RDONLY,
  "r+": O_RDWR,
  w: O_WRONLY | O_CREAT | O_TRUNC,
  "w+": O_RDWR | O_CREAT | O_TRUNC,
}

function checked(result: number | bigint, what: string): number {
  if (Number(result) < 0) throw Object.assign(new Error(`EIO: ${what} failed`), { code: "EIO" })
  return Number(result)
}

export function openSync(path: string, flags: string): number {
  const number = flagsOf[flags]
  if (number === undefined) throw new Error(`flags ${flags}`)
  // Reading needs no watching, and the caller may expect ENOENT.
  if (c === undefined || (flags === "r" && !path.endsWith("/"))) {
    const fd = openReal(path, flags)
    if (c === undefined) return fd
    closeReal(fd)
  }
  return checked(c.open(ptr(Buffer.from(`${path}\0`)), number, 0o600), `open ${path}`)
}

export function closeSync(fd: number): void {
  if (c === undefined) closeReal(fd)
  else checked(c.close(fd), "close")
}

export function writeSync(
  fd: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
  position: number,
): number {
  if (c === undefined) return writeReal(fd, bytes, offset, length, position)
  return checked(c.pwrite(fd, ptr(bytes, offset), length, position), "write")
}

export function fsyncSync(fd: number): void {
  if (c === undefined) syncReal(fd)
  else checked(c.fsync(fd), "fsync")
}

export function fdatasyncSync(fd: number): void {
  if (c === undefined) dataReal(fd)
  else checked(c.fdatasync(fd), "fdatasync")
}

/** Puts a mark into the record of what happened. */
export function mark(node: number, number: number): void {
  c?.power_mark(node, number)
}
