/**
 * A copy of bytes that were only lent. Not `slice`: what decoding gives are Buffers, and a Buffer's
 * slice is a view on the same memory.
 */
export const ownBytes = (lent: Uint8Array): Uint8Array => Buffer.from(lent)
