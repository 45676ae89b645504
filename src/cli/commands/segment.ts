import { join, resolve } from "node:path"
import cliProgress from "cli-progress"
import { failed } from "../../compiler/diagnostic.ts"
import { counted } from "../../compiler/report/units.ts"
import { promptingOf } from "../../dsl/task.ts"
import type { Precision, Storage } from "../../dsl/training.ts"
import { toldOnce } from "../../runtime/data/alike.ts"
import { isFile, spelled } from "../../runtime/data/folder.ts"
import type { Picture } from "../../runtime/data/image.ts"
import type { Window } from "../../runtime/data/images/window.ts"
import type { Point } from "../../runtime/data/point.ts"
import { type LoadedModel, loadModel } from "../../runtime/loaded.ts"
import { imagesOf, type Named, partOf } from "../../runtime/segment/images.ts"
import { segmentAll, tableOf } from "../../runtime/segment/index.ts"
import { demandMasks } from "../../runtime/segment/maskFile.ts"
import type { Member } from "../../runtime/segment/member.ts"
import {
  type Asked,
  askedOf,
  demandEach,
  demandTaken,
  readAsked,
  type Wanted,
  withMask,
} from "../../runtime/segment/prompts.ts"
import { segmenter } from "../../runtime/segment/segmenter.ts"
import { taughtOf } from "../../runtime/task/index.ts"
import { clamped } from "../../runtime/task/point.ts"
import { exists, files } from "../../runtime/training/checkpoint.ts"
import { interruption } from "../interruption.ts"
import { exit, say, talk, talkDiagnostics, tell } from "../output.ts"
import { demandEngine, engineFor } from "../targets/index.ts"

export interface SegmentFlags {
  readonly out: string
  readonly weights?: string
  readonly adapters?: string
  readonly prompts?: string
  readonly point?: readonly [number, number]
  readonly box?: readonly [number, number, number, number]
  readonly mask?: string
  readonly localizer?: string
  readonly window?: Window
  readonly flip?: boolean
  readonly probabilities?: boolean
  readonly overlays: boolean
  readonly uncertainty?: number
  readonly batch: number
  readonly part?: { readonly i: number; readonly n: number }
  readonly format: "png" | "nifti" | "dicomseg"
  readonly target: string
  readonly precision?: Precision
  readonly frozen?: Storage
  readonly seed: number
  readonly json?: boolean
}

type Loaded = Member & Pick<LoadedModel, "window" | "frozen">

/** A run's model with what it learned; or a spec's, with the weights that are given. */
const loadMember = (subject: string, flags: SegmentFlags): Promise<Loaded> => loadModel(subject, flags, tell)

/** Runs come first, and all that follows is images; a spec is one argument. */
const split = async (args: readonly string[]) => {
  const runs: string[] = []
  for (const arg of args) {
    if (!(await exists(join(resolve(arg), files.run)))) break
    runs.push(arg)
  }
  const subjects = runs.length > 0 ? runs : args.slice(0, 1)
  const images = args.slice(subjects.length)
  if (images.length === 0)
    throw failed(
      args[0] ?? "segment",
      "HS5002",
      "there are no images to segment",
      "Name images or folders after the run or spec.",
    )
  return { subjects, images }
}

const sources = ["prompts", "point", "box", "mask", "localizer"] as const
/** What says where by itself: a csv of all, or one place for every image, to which a box and a mask may be added. */
const alone = ["prompts", "point", "localizer"] as const

/** Throws HS5002 for options of which one says it all. */
const demandOneSource = (flags: SegmentFlags): void => {
  const given = sources.filter((name) => flags[name] !== undefined)
  const [first, second] = [
    ...alone.filter((name) => given.includes(name)),
    ...(flags.prompts === undefined ? [] : (["box", "mask"] as const).filter((name) => given.includes(name))),
  ]
  if (second !== undefined)
    throw failed(
      `--${second}`,
      "HS5002",
      `--${second} does not go with --${first}`,
      first === "prompts" ? "Say all of it in the csv." : "Give one of them.",
    )
}

/** Masks by the images' names: one file for every image, or a folder of them. */
const masksOf = async (path: string): Promise<(image: Named) => string | undefined> => {
  if (await isFile(path)) return () => path
  const found = new Map((await imagesOf([path])).map((one) => [spelled(one.name), one.path]))
  return ({ name }) => found.get(spelled(name))
}

/** Where prompts come from; whether the models take them is told before anything is loaded. */
const askedBy = async (
  flags: SegmentFlags,
  members: readonly Loaded[],
  images: readonly Named[],
  locate: (image: Named, picture: Picture) => Promise<Point>,
) => {
  const given = sources.filter((name) => flags[name] !== undefined)
  const takes = members.map(({ model }) => promptingOf(model.takes))
  const asking = takes.filter((list) => list.length > 0).length
  if (asking > 0 && asking < members.length)
    throw failed(
      "segment",
      "HS5002",
      "some of the models are asked about a place, and others are not",
      "Segment with each kind by itself.",
    )
  if (asking === 0 && given.length > 0)
    throw failed(
      `--${given[0]}`,
      "HS5002",
      `--${given[0]} does nothing: the model takes no prompt`,
      `Leave --${given[0]} out.`,
    )
  if (asking === 0 && flags.uncertainty !== undefined)
    throw failed(
      "--uncertainty",
      "HS5002",
      "--uncertainty does nothing: the model takes no prompt that could be shifted",
      "Leave --uncertainty out.",
    )
  if (asking === 0) return async (): Promise<readonly Asked[]> => [{}]
  if (given.length === 0)
    throw failed(
      "segment",
      "HS4402",
      "the model is asked about a place, and none is given",
      "Give --prompts FILE, --point x,y, --box x0,y0,x1,y1, --mask FILE or --localizer RUN.",
    )
  const demand = (asked: Wanted) => {
    for (const list of takes) demandTaken("segment", asked, list)
  }
  if (flags.prompts !== undefined) {
    const all = await readAsked(flags.prompts)
    for (const list of all.values()) list.forEach(demand)
    demandEach(
      flags.prompts,
      images.length,
      images.filter((image) => askedOf(all, image) === undefined).map(({ name }) => name),
      "Give a row for each; the column id holds the image's name, with or without its ending.",
    )
    await demandMasks(images.flatMap((image) => askedOf(all, image)!.flatMap(({ maskFile }) => maskFile ?? [])))
    return async (image: Named, picture: Picture) =>
      Promise.all(askedOf(all, image)!.map((one) => withMask(one, picture)))
  }
  const [x0, y0, x1, y1] = flags.box ?? []
  const [x, y] = flags.point ?? []
  const everywhere: Wanted = {
    ...(x === undefined ? {} : { points: [{ x, y: y!, label: 1 }] }),
    ...(x0 === undefined ? {} : { box: { x0, y0: y0!, x1: x1!, y1: y1! } }),
  }
  const maskOf = flags.mask === undefined ? undefined : await masksOf(flags.mask)
  if (maskOf !== undefined)
    demandEach(
      flags.mask!,
      images.length,
      images.filter((image) => maskOf(image) === undefined).map(({ name }) => name),
      "Give a folder with a mask for each image, under the image's name.",
    )
  demand({
    ...everywhere,
    ...(flags.localizer === undefined ? {} : { points: [] }),
    ...(maskOf === undefined ? {} : { maskFile: "" }),
  })
  if (maskOf !== undefined) await demandMasks(images.map((image) => maskOf(image)!))
  return async (image: Named, picture: Picture): Promise<readonly Asked[]> => {
    const located: Wanted =
      flags.localizer === undefined ? {} : { points: [{ ...(await locate(image, picture)), label: 1 }] }
    const file = maskOf?.(image)
    return [await withMask({ ...everywhere, ...located, ...(file === undefined ? {} : { maskFile: file }) }, picture)]
  }
}

/** hasam segment RUN… | SPEC IMAGE | DIR … */
export const segment = async (args: readonly string[], flags: SegmentFlags): Promise<void> => {
  demandEngine(flags.target)
  demandOneSource(flags)
  const { subjects, images: paths } = await split(args)
  const all = await imagesOf(paths, flags.out)
  const images = flags.part === undefined ? all : partOf(all, flags.part)
  const members: Loaded[] = []
  for (const subject of subjects) members.push(await loadMember(subject, flags))
  const [, taught] = taughtOf(members[0]!.model)
  if (members.some(({ model }) => taughtOf(model)[1].kind !== taught.kind) || taught.kind === "point")
    throw failed(
      subjects[0]!,
      "HS5002",
      taught.kind === "point" ? "this model gives points, not masks" : "the models give masks of different kinds",
      "A run that gives points goes to --localizer.",
    )
  const { target, precision } = flags
  const how = precision === undefined ? {} : { precision }
  const backend = await engineFor(target, how)
  const inEngine = async (one: Loaded): Promise<Member> =>
    one.frozen === undefined ? one : { ...one, engine: await engineFor(target, { ...how, frozen: one.frozen }) }
  const window = members.find((one) => one.window !== undefined)?.window
  const localizer =
    flags.localizer !== undefined
      ? await loadMember(flags.localizer, {
          out: flags.out,
          overlays: false,
          batch: 1,
          format: "png",
          target: flags.target,
          seed: flags.seed,
        })
      : undefined
  if (localizer !== undefined && taughtOf(localizer.model)[1].kind !== "point")
    throw failed(flags.localizer!, "HS5002", "the run gives no points", "Give a run of a model that teaches a point.")
  const pointing = localizer === undefined ? undefined : segmenter(backend, [await inEngine(localizer)])
  const asked = await askedBy(flags, members, images, async (image, picture) =>
    clamped(await pointing!.locate(image.name, picture), [picture.height, picture.width]),
  )
  const masks = segmenter(backend, await Promise.all(members.map(inEngine)))
  const bar = new cliProgress.SingleBar({
    stream: process.stderr,
    format: "{bar} {value}/{total}  {eta_formatted} left",
    hideCursor: true,
    clearOnComplete: true,
  })
  const stop = interruption(" after this image")
  stop.listen()
  let shown = false
  try {
    const result = await segmentAll({
      out: flags.out,
      job: flags.part === undefined ? "" : `${flags.part.i}-of-${flags.part.n}`,
      images,
      asked,
      segmenter: masks,
      ...(window === undefined ? {} : { window }),
      batch: Math.min(flags.batch, Math.max(1, images.length)),
      flip: flags.flip === true,
      uncertainty: flags.uncertainty ?? 0,
      seed: flags.seed,
      format: flags.format,
      overlays: flags.overlays,
      probabilities: flags.probabilities === true,
      ...(taught.kind === "classes" ? { classNames: taught.names } : {}),
      settings: {
        subjects: subjects.map((one) => resolve(one)),
        ...flags,
        out: undefined,
        json: undefined,
        batch: undefined,
      },
      onProgress: (done, total) => {
        if (!process.stderr.isTTY) return
        if (!shown) bar.start(total, done)
        shown = true
        bar.update(done)
      },
      signal: stop.signal,
    })
    bar.stop()
    if (result.before > 0) talk(`note: ${counted(result.before, "image was", "images were")} done before`)
    const objects = result.rows.length
    const segmented = new Set(result.rows.map(({ id }) => id)).size
    if (flags.json) say(JSON.stringify({ images: segmented, rows: result.rows }, null, 2))
    else
      say(
        `${counted(segmented, "image")}, ${counted(objects, "object")}: ${join(flags.out, "masks")}, ${join(flags.out, tableOf(flags.part === undefined ? "" : `${flags.part.i}-of-${flags.part.n}`))}`,
      )
    if (result.problems.length > 0) talkDiagnostics(toldOnce(paths[0]!, result.problems))
    if (result.stopped) {
      talk("stopped; the same command goes on")
      process.exitCode = exit.interrupted
    } else if (result.problems.length > 0) process.exitCode = exit.wrong
  } finally {
    bar.stop()
    stop.done()
    await masks.dispose()
    await pointing?.dispose()
  }
}
