/** Whose data a folder holds: `identity.json`, written once for good (DESIGN §2, "identity"). */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { syncDirectory } from "./segment-writer.ts"

export interface Identity {
  readonly clusterId: string
  readonly nodeId: number
  /** Drawn when the folder was made: a voter is (node id, disk uuid). */
  readonly diskUuid: string
}

/** The folder is somebody else's, or its identity cannot be read: nothing in it may be used. */
export class IdentityMismatch extends Error {
  constructor(message: string) {
    super(message)
    this.name = "IdentityMismatch"
  }
}

/** Undefined for a folder without one. Throws `IdentityMismatch` on an unreadable one. */
export function readIdentity(dir: string): Identity | undefined {
  const path = identityFile(dir)
  let text: string
  try {
    text = readFileSync(path, "utf8")
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined
    throw error
  }
  return parseIdentity(path, text)
}

/**
 * Durable when it returns. Writing what is already there does nothing; a folder that belongs to
 * another cluster, node or disk is refused.
 */
export function writeIdentity(dir: string, identity: Identity): void {
  const present = readIdentity(dir)
  if (present !== undefined) {
    const field = fields.find((name) => present[name] !== identity[name])
    if (field === undefined) return
    throw new IdentityMismatch(
      `${identityFile(dir)} says ${field} ${present[field]}, expected ${identity[field]}`,
    )
  }
  mkdirSync(dir, { recursive: true })
  writeDurably(dir, identityFile(dir), identityText(identity))
}

/**
 * Gives a folder whose log is gone another disk uuid. Durable when it returns. What it was, cluster
 * and node, stays.
 */
export function replaceIdentity(dir: string, diskUuid: string): void {
  const present = readIdentity(dir)
  if (present === undefined) throw new IdentityMismatch(`${identityFile(dir)} is not there`)
  writeDurably(dir, identityFile(dir), identityText({ ...present, diskUuid }))
}

const identityText = (identity: Identity): string => `${JSON.stringify(identity, undefined, 2)}\n`

const fields = ["clusterId", "nodeId", "diskUuid"] as const

function identityFile(dir: string): string {
  return join(dir, "identity.json")
}

function parseIdentity(path: string, text: string): Identity {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new IdentityMismatch(`${path} is not JSON`)
  }
  if (
    typeof value === "object" &&
    value !== null &&
    "clusterId" in value &&
    typeof value.clusterId === "string" &&
    "nodeId" in value &&
    typeof value.nodeId === "number" &&
    "diskUuid" in value &&
    typeof value.diskUuid === "string"
  ) {
    return { clusterId: value.clusterId, nodeId: value.nodeId, diskUuid: value.diskUuid }
  }
  throw new IdentityMismatch(`${path} lacks clusterId, nodeId or diskUuid`)
}

/** Whole or not at all: written aside, fsynced, renamed, and the directory fsynced after that. */
function writeDurably(dir: string, path: string, text: string): void {
  const aside = `${path}.new`
  const descriptor = openSync(aside, "w")
  try {
    writeSync(descriptor, text)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(aside, path)
  syncDirectory(dir)
}
