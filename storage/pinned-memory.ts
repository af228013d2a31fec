/**
 * What cached entries keep alive. A payload is usually a view on the frame it came in, and one
 * small entry pins the whole frame: so a cache that is to be bounded counts buffers, each once,
 * however many entries look into it.
 */
export class PinnedMemory {
  bytes = 0
  private readonly users = new Map<ArrayBufferLike, number>()

  pin({ buffer }: Uint8Array): void {
    const users = this.users.get(buffer) ?? 0
    if (users === 0) this.bytes += buffer.byteLength
    this.users.set(buffer, users + 1)
  }

  unpin({ buffer }: Uint8Array): void {
    const users = this.users.get(buffer) ?? 0
    if (users > 1) {
      this.users.set(buffer, users - 1)
    } else if (this.users.delete(buffer)) {
      this.bytes -= buffer.byteLength
    }
  }
}
