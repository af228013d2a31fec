/**
 * An immutable map for images: `with` shares what did not change. A change costs the number of
 * recent changes, not the size of the map: they lie in a small layer over a large one, and both are
 * merged when the layer has grown.
 *
 * Order of iteration is not part of the contract: whoever depends on order sorts.
 */
const removed: unique symbol = Symbol("removed")

type Layer<K, V> = ReadonlyMap<K, V | typeof removed>

/** undefined removes the key. */
export type Changes<K, V> = ReadonlyMap<K, V | undefined>

export class LayeredMap<K, V> implements ReadonlyMap<K, V> {
  private readonly base: ReadonlyMap<K, V>
  private readonly layer: Layer<K, V>
  readonly size: number
  private merged: ReadonlyMap<K, V> | undefined

  private constructor(base: ReadonlyMap<K, V>, layer: Layer<K, V>, size: number) {
    this.base = base
    this.layer = layer
    this.size = size
  }

  static empty<K, V>(): LayeredMap<K, V> {
    return new LayeredMap<K, V>(new Map(), new Map(), 0)
  }

  static of<K, V>(entries: Iterable<readonly [K, V]>): LayeredMap<K, V> {
    const base: ReadonlyMap<K, V> = entries instanceof Map ? entries : new Map(entries)
    return new LayeredMap<K, V>(base, new Map(), base.size)
  }

  get(key: K): V | undefined {
    const recent = this.layer.get(key)
    if (recent === undefined) return this.base.get(key)
    return recent === removed ? undefined : recent
  }

  has(key: K): boolean {
    return this.get(key) !== undefined
  }

  with(changes: Changes<K, V>): LayeredMap<K, V> {
    if (changes.size === 0) return this
    const base = this.merged ?? this.base
    const layer = new Map(this.merged === undefined ? this.layer : [])
    let size = this.size
    for (const [key, value] of changes) {
      size += Number(value !== undefined) - Number(this.has(key))
      if (value !== undefined) layer.set(key, value)
      else if (base.has(key)) layer.set(key, removed)
      else layer.delete(key)
    }
    const next = new LayeredMap(base, layer, size)
    // Layers stay near the root of the size, so that neither copying them nor merging dominates.
    return layer.size <= 16 + 4 * Math.sqrt(base.size) ? next : LayeredMap.of(next.whole())
  }

  entries(): MapIterator<[K, V]> {
    return this.whole().entries()
  }

  keys(): MapIterator<K> {
    return this.whole().keys()
  }

  values(): MapIterator<V> {
    return this.whole().values()
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.whole().entries()
  }

  forEach(visit: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this.whole()) visit(value, key, this)
  }

  /** One plain map, made when somebody first walks over this version and kept for the next walk. */
  private whole(): ReadonlyMap<K, V> {
    if (this.layer.size === 0) return this.base
    if (this.merged === undefined) {
      const merged = new Map(this.base)
      for (const [key, value] of this.layer) {
        if (value === removed) merged.delete(key)
        else merged.set(key, value)
      }
      this.merged = merged
    }
    return this.merged
  }
}
