/** int64 as exact numbers, in two halves: three times as fast as through a bigint (STYLE §2). */

const two32 = 0x1_0000_0000

export function writeInt64(view: DataView, at: number, value: number): void {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not a safe integer`)
  view.setInt32(at, Math.floor(value / two32))
  view.setUint32(at + 4, value >>> 0)
}

export function readInt64(view: DataView, at: number): number {
  return view.getInt32(at) * two32 + view.getUint32(at + 4)
}
