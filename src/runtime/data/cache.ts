/** What was used last is kept, up to a number of bytes. */

export interface Cache<A> {
  readonly get: (key: string) => A | undefined
  readonly set: (key: string, value: A, bytes: number) => void
  /** Held now. */
  readonly bytes: () => number
}

export const leastRecentlyUsed = <A>(limit: number): Cache<A> => {
  const entries = new Map<string, { readonly value: A; readonly bytes: number }>()
  let held = 0
  const drop = (key: string) => {
    held -= entries.get(key)?.bytes ?? 0
    entries.delete(key)
  }
  return {
    get: (key) => {
      const entry = entries.get(key)
      if (entry === undefined) return undefined
      entries.delete(key)
      entries.set(key, entry)
      return entry.value
    },
    set: (key, value, bytes) => {
      drop(key)
      if (bytes > limit) return
      entries.set(key, { value, bytes })
      held += bytes
      for (const oldest of entries.keys()) {
        if (held <= limit) break
        drop(oldest)
      }
    },
    bytes: () => held,
  }
}
