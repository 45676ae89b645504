/** What is kept of a model belongs to one tab at a time: two that train it would overwrite one another's checkpoints. By the browser's Web Locks. */
import { readFile, rm, writeFile } from "node:fs/promises"
import { failed } from "../../compiler/diagnostic.ts"

interface Locks {
  request<A>(
    name: string,
    options: { readonly ifAvailable: boolean },
    work: (lock: object | null) => Promise<A>,
  ): Promise<A>
  query(): Promise<{ readonly held?: readonly { readonly name?: string }[] }>
}
/** Undefined where a browser gives none, as over http from another machine: then nothing tells one tab from another. */
const locks = (): Locks | undefined =>
  (globalThis as { readonly navigator?: { readonly locks?: Locks } }).navigator?.locks

export interface Holder {
  readonly doing: string
  readonly since: string
}
const wordsOf = (text: string | undefined): string => {
  const { doing, since }: Partial<Holder> = text === undefined ? {} : JSON.parse(text)
  if (doing === undefined || since === undefined) return "another tab or window of this browser uses what is kept here"
  const time = new Date(since).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })
  return `another tab or window of this browser ${doing}, since ${time}`
}

export interface Held {
  /** Does the work while no other tab does any. Throws HS5309, which says since when another does what, and what `work` throws. */
  readonly alone: <A>(doing: string, work: () => Promise<A>) => Promise<A>
  /** What another tab does, in words; undefined where none does. */
  readonly elsewhere: () => Promise<string | undefined>
  /** Resolves once no other tab is at work. */
  readonly free: () => Promise<void>
}

/** `name`: of what is held. `file`: where its holder says what it does. */
export const heldBy = (name: string, file: string): Held => {
  const holder = async (): Promise<string> => wordsOf(await readFile(file, "utf8").catch(() => undefined))
  return {
    alone: async (doing, work) => {
      const all = locks()
      if (all === undefined) return work()
      return all.request(name, { ifAvailable: true }, async (lock) => {
        if (lock === null)
          throw failed("this browser", "HS5309", await holder(), "Pause it or wait for it there, or close that tab.")
        await writeFile(file, JSON.stringify({ doing, since: new Date().toISOString() } satisfies Holder))
        try {
          return await work()
        } finally {
          await rm(file, { force: true })
        }
      })
    },
    elsewhere: async () => {
      const { held = [] } = (await locks()?.query()) ?? {}
      return held.some((lock) => lock.name === name) ? holder() : undefined
    },
    free: async () => {
      await locks()?.request(name, { ifAvailable: false }, async () => undefined)
    },
  }
}
