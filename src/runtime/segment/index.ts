/**
 * Images in, masks out. Each image's files are written whole before its line in the journal, so that what a stopped run has done is known and not done
 * again; a batch of images is held at a time, one by default, and the next are read while it is computed.
 */
import { createHash } from "node:crypto"
import { appendFile, readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { type Diagnostic, Failed, failed } from "../../compiler/diagnostic.ts"
import { csvText } from "../data/csv.ts"
import { type Picture, readImage } from "../data/image.ts"
import type { Window } from "../data/images/window.ts"
import { prefetch } from "../data/prefetch.ts"
import { stream } from "../data/random.ts"
import { cannotWrite, makeFolder, writeAtomically } from "../files.ts"
import { sourceOf } from "./dicomSeg.ts"
import type { Named } from "./images.ts"
import { folders, labelled, type ObjectRow, rowsOf, type WriteOptions, writeImage } from "./outputs.ts"
import { type Asked, kindsOf, outside } from "./prompts.ts"
import type { Segmenter } from "./segmenter.ts"

export interface SegmentRun extends WriteOptions {
  readonly out: string
  /** Distinguishes the files of jobs that share a folder: "", or "1-of-4". */
  readonly job: string
  readonly images: readonly Named[]
  /** What is asked of an image, once it is read. Throws HS4402 where nothing can be. */
  readonly asked: (image: Named, picture: Picture) => Promise<readonly Asked[]>
  readonly segmenter: Segmenter
  readonly window?: Window
  readonly flip: boolean
  /** Images that are encoded together. */
  readonly batch: number
  /** Shifted prompts for each. */
  readonly uncertainty: number
  readonly seed: number
  readonly classNames?: readonly string[]
  /** All that the masks depend on: a folder holds the masks of one of them. */
  readonly settings: Readonly<Record<string, unknown>>
  readonly onProgress: (done: number, total: number) => void
  readonly signal: AbortSignal
}

export interface Segmented {
  readonly rows: readonly ObjectRow[]
  /** Found done, from an earlier run. */
  readonly before: number
  readonly problems: readonly Diagnostic[]
  readonly stopped: boolean
}

interface Line {
  readonly id: string
  readonly rows: readonly ObjectRow[]
}

const journalOf = (job: string) => (job === "" ? "progress.jsonl" : `progress-${job}.jsonl`)
export const tableOf = (job: string) => (job === "" ? "table.csv" : `table-${job}.csv`)

const hashOf = (settings: unknown) => createHash("sha256").update(JSON.stringify(settings)).digest("hex").slice(0, 16)

/** What was done before, by the same settings. Throws HS5331 where the folder holds masks of others. */
const readJournal = async (path: string, hash: string): Promise<ReadonlyMap<string, Line>> => {
  const text = await readFile(path, "utf8").catch(() => undefined)
  const done = new Map<string, Line>()
  if (text === undefined) return done
  const [head, ...lines] = text.split("\n")
  if (head !== JSON.stringify({ settings: hash }))
    throw failed(
      path,
      "HS5331",
      "the folder holds masks of other models, images or options",
      "Give another --out, or delete the folder.",
    )
  for (const line of lines) {
    try {
      const one = JSON.parse(line) as Line
      done.set(one.id, one)
    } catch {
      // An unfinished last line: its image is done again.
    }
  }
  return done
}

/** Masks that were there before are not written over: images may come with truths in a folder of that name. Throws HS5331. */
const demandOwn = async (out: string, job: string): Promise<void> => {
  const names = await readdir(out).catch(() => [])
  if (names.some((name) => /^progress.*\.jsonl$/.test(name))) return
  const found = names.filter((name) => [...folders, tableOf(job)].includes(name))
  if (found.length > 0)
    throw failed(
      out,
      "HS5331",
      `the folder holds ${found.map((name) => `'${name}'`).join(" and ")} that hasam segment did not write`,
      "Give another --out.",
    )
}

export const segmentAll = async (run: SegmentRun): Promise<Segmented> => {
  const { out, job, images, signal } = run
  const journal = join(out, journalOf(job))
  const hash = hashOf(run.settings)
  const done = new Map(await readJournal(journal, hash))
  const before = done.size
  await demandOwn(out, job)
  await makeFolder(out)
  // Written anew, so that an unfinished last line is followed by nothing.
  const head = [JSON.stringify({ settings: hash }), ...[...done.values()].map((line) => JSON.stringify(line))]
  await writeAtomically(journal, `${head.join("\n")}\n`)
  const problems: Diagnostic[] = []
  const open = images.filter(({ name }) => !done.has(name))
  const { window } = run
  const read = async (image: Named) => {
    if (signal.aborted) return undefined
    try {
      return { image, picture: await readImage(image.path, window === undefined ? {} : { window }) }
    } catch (error) {
      if (!(error instanceof Failed)) throw error
      return { image, error }
    }
  }
  let count = before
  run.onProgress(count, images.length)
  /** A file that cannot be written stops everything; an image that cannot be read, only itself. */
  const told = (error: unknown) => {
    if (!(error instanceof Failed) || error.diagnostics.some(({ code }) => code === "HS4001")) throw error
    problems.push(...error.diagnostics)
  }
  const advance = () => run.onProgress(++count, images.length)
  const finish = async (ready: readonly Ready[]) => {
    const lines = await segmentReady(run, ready).catch((error: unknown) => {
      told(error)
      return []
    })
    for (const line of lines) {
      await appendFile(journal, `${JSON.stringify(line)}\n`).catch((error: unknown) => {
        throw cannotWrite(journal, error)
      })
      done.set(line.id, line)
    }
    ready.forEach(advance)
  }
  let ready: Ready[] = []
  for await (const one of prefetch(open, read, run.batch)) {
    if (one === undefined || signal.aborted) break
    try {
      if (one.error !== undefined) throw one.error
      ready.push(await readyFor(run, one.image, one.picture))
    } catch (error) {
      told(error)
      advance()
    }
    if (ready.length < run.batch) continue
    await finish(ready)
    ready = []
  }
  if (ready.length > 0 && !signal.aborted) await finish(ready)
  const rows = images.flatMap(({ name }) => done.get(name)?.rows ?? [])
  await writeAtomically(join(out, tableOf(job)), tableText(rows))
  return { rows, before, problems, stopped: signal.aborted }
}

/** An image that was read, and what is asked of it. */
interface Ready {
  readonly image: Named
  readonly picture: Picture
  readonly asked: readonly Asked[]
}
const readyFor = async (run: SegmentRun, image: Named, picture: Picture): Promise<Ready> => {
  // Before anything is computed for it.
  if (run.format === "dicomseg") await sourceOf(image.path)
  const asked = await run.asked(image, picture)
  for (const one of asked) {
    const beyond = outside(one, picture)
    if (beyond !== undefined)
      throw failed(
        image.path,
        "HS4402",
        `${beyond} of ${image.name} lies outside its image of ${picture.width} × ${picture.height} pixels`,
        "Give prompts in pixels of the original image, x first.",
      )
  }
  return { image, picture, asked }
}

const segmentReady = async (run: SegmentRun, ready: readonly Ready[]): Promise<readonly Line[]> => {
  const { uncertainty, seed, flip, batch } = run
  const questions = ready.map(({ image: { name }, picture, asked }) => ({
    id: name,
    image: picture,
    asked,
    ...(uncertainty > 0
      ? { shifts: { count: uncertainty, random: (i: number) => stream(seed, "shifts", name, i) } }
      : {}),
  }))
  const answers = await run.segmenter.segmentMany(questions, { flip, batch })
  const lines: Line[] = []
  for (const [i, { image, picture, asked }] of ready.entries()) {
    const found = labelled(picture, answers[i]!)
    const prompted = asked.some((one) => kindsOf(one).length > 0)
    await writeImage(run.out, image, picture, found, run.classNames, prompted, run)
    lines.push({ id: image.name, rows: rowsOf(image.name, image.path, found, picture.spacing, run.classNames) })
  }
  return lines
}

/** Columns that no row has are left out. */
const tableText = (rows: readonly ObjectRow[]): string => {
  const numbers = [...new Set(rows.flatMap((row) => Object.keys(row.numbers)))]
  const has = (key: "class" | "mm2" | "confidence") => rows.some((row) => row[key] !== undefined)
  const digits = (value: number | undefined) => (value === undefined ? "" : Number(value.toPrecision(7)))
  const columns: readonly (readonly [string, (row: ObjectRow) => string | number])[] = [
    ["id", (row) => row.id],
    ["image", (row) => row.image],
    ["object", (row) => row.object],
    ...(has("class") ? [["class", (row: ObjectRow) => row.class ?? ""] as const] : []),
    ["pixels", (row) => row.pixels],
    ...(has("mm2") ? [["mm2", (row: ObjectRow) => digits(row.mm2)] as const] : []),
    ["components", (row) => row.components],
    ["probability", (row) => digits(row.certainty)],
    ...numbers.map((name) => [name, (row: ObjectRow) => digits(row.numbers[name])] as const),
    ...(has("confidence") ? [["confidence", (row: ObjectRow) => digits(row.confidence)] as const] : []),
  ]
  return csvText(
    columns.map(([name]) => name),
    rows.map((row) => columns.map(([, value]) => value(row))),
  )
}
