/**
 * The functions of node:fs that change files, through the C library: Bun's own make system calls
 * without it, which nothing that is preloaded can see. `patch.ts` puts this in their place.
 */
import { dlopen, ptr } from "bun:ffi"
import { constants, existsSync, readFileSync, statSync } from "node:fs"
import { closeSync as closeReal, openSync as openReal, writeSync as writeReal } from "node:fs"
import { fdatasyncSync as dataReal, fsyncSync as syncReal, renameSync as renameReal } from "node:fs"
import { rmSync as rmReal } from "node:fs"

export * from "node:fs"

const library = process.env["POWER_LIBRARY"]
const c =
  library === undefined
    ? undefined
    : dlopen(library, {
        open: { args: ["ptr", "int", "int"], returns: "int" },
        close: { args: ["int"], returns: "int" },
        write: { args: ["int", "ptr", "u64"], returns: "i64" },
        pwrite: { args: ["int", "ptr", "u64", "i64"], returns: "i64" },
        fsync: { args: ["int"], returns: "int" },
        fdatasync: { args: ["int"], returns: "int" },
        rename: { args: ["ptr", "ptr"], returns: "int" },
        unlink: { args: ["ptr"], returns: "int" },
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

const text = (path: string) => ptr(Buffer.from(`${path}\0`))

export function openSync(path: string, flags: string, mode = 0o600): number {
  const number = flagsOf[flags]
  if (number === undefined) throw new Error(`flags ${flags}`)
  // Reading needs no watching, and the caller may expect ENOENT.
  if (c === undefined || (flags === "r" && !path.endsWith("/"))) {
    const fd = openReal(path, flags)
    if (c === undefined) return fd
    closeReal(fd)
  }
  return checked(c.open(text(path), number, mode), `open ${path}`)
}

export function closeSync(fd: number): void {
  if (c === undefined) closeReal(fd)
  else checked(c.close(fd), "close")
}

/** The forms that the storage uses: bytes with their place, or a text at the end. */
export function writeSync(
  fd: number,
  data: Uint8Array | string,
  offset = 0,
  length = data.length,
  position?: number,
): number {
  const bytes = typeof data === "string" ? Buffer.from(data) : data
  const count = typeof data === "string" ? bytes.length : length
  if (c === undefined) return writeReal(fd, bytes, offset, count, position)
  const from = ptr(bytes, offset)
  if (position === undefined) return checked(c.write(fd, from, count), "write")
  return checked(c.pwrite(fd, from, count, position), "write")
}

export function writeFileSync(path: string, data: Uint8Array | string): void {
  const fd = openSync(path, "w")
  if (data.length > 0) writeSync(fd, data)
  closeSync(fd)
}

export function copyFileSync(from: string, to: string): void {
  writeFileSync(to, readFileSync(from))
}

export function renameSync(from: string, to: string): void {
  if (c === undefined) renameReal(from, to)
  else checked(c.rename(text(from), text(to)), `rename ${from}`)
}

export function rmSync(path: string, options: { force?: boolean; recursive?: boolean } = {}): void {
  const isFile = existsSync(path) && !statSync(path).isDirectory()
  if (c === undefined || !isFile) rmReal(path, options)
  else checked(c.unlink(text(path)), `unlink ${path}`)
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
