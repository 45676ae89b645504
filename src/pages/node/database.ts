/** What a page keeps on this machine, over a reload: files by path, in the browser's IndexedDB. Nothing of it leaves the browser. */
const table = "files"

/** A request's result. */
const done = <A>(request: IDBRequest<A>): Promise<A> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
/** A transaction's end: only then is anything kept. */
const ended = (transaction: IDBTransaction): Promise<void> =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve()
    transaction.onerror = () => reject(transaction.error)
    transaction.onabort = () => reject(transaction.error)
  })

export interface Database {
  readonly paths: () => Promise<readonly string[]>
  readonly get: (path: string) => Promise<Blob | Uint8Array | undefined>
  /** All of these changes or none; undefined removes. */
  readonly change: (changes: ReadonlyMap<string, Blob | Uint8Array | undefined>) => Promise<void>
}

/** Undefined where the browser keeps nothing, as in a private window of some. */
export const openDatabase = async (): Promise<Database | undefined> => {
  try {
    const request = indexedDB.open("hasam", 1)
    request.onupgradeneeded = () => request.result.createObjectStore(table)
    const database = await done(request)
    const reading = () => database.transaction(table, "readonly").objectStore(table)
    return {
      paths: async () => (await done(reading().getAllKeys())).map(String),
      get: (path) => done(reading().get(path)),
      change: async (changes) => {
        const transaction = database.transaction(table, "readwrite")
        const store = transaction.objectStore(table)
        for (const [path, content] of changes)
          if (content === undefined) store.delete(path)
          else store.put(content, path)
        await ended(transaction)
      },
    }
  } catch {
    return undefined
  }
}
