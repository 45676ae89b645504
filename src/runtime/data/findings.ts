/** What is wrong with the content of a data set, as diagnostics. Errors spoil a result; warnings are for a human to judge. */
import { basename } from "node:path"
import { aboutFile, type Diagnostic } from "../../compiler/diagnostic.ts"
import type { Case, DataSet, Part } from "./case.ts"
import type { Encoding } from "./foreground.ts"
import { type Range, rangeText } from "./images/window.ts"
import { parts, type Split } from "./split.ts"

/** What is kept of a case once it has been looked at. */
export interface Seen {
  readonly one: Case
  readonly width: number
  readonly height: number
  readonly grey: boolean
  readonly foreground: number
  readonly encodings: readonly Encoding[]
  readonly hash: string
  /** Which stored values are black and white. */
  readonly range: Range
  /** EXIF's, where the image has been turned by it. */
  readonly turned?: number
  /** By a tag that its mask does not have. */
  readonly turnedAlone?: boolean
  /** The greatest of its values, 0…255, and whether all are alike. */
  readonly brightest: number
  readonly flat: boolean
  /** Corners of the image that are foreground. */
  readonly corners: number
}

/** How often each key is there. */
export const tally = (keys: readonly (string | undefined)[]): Readonly<Record<string, number>> => {
  const out = new Map<string, number>()
  for (const key of keys) if (key !== undefined) out.set(key, (out.get(key) ?? 0) + 1)
  return Object.fromEntries(out)
}

/** Values beyond a byte are colours, 0xRRGGBB, unless they are of 16 bits. */
const colour = (value: number): string => (value > 65535 ? `#${value.toString(16).padStart(6, "0")}` : `${value}`)

/** As the report spells it. */
export const nameOf = (encoding: Encoding): string => {
  if (encoding.kind === "empty") return "0"
  if (encoding.kind === "binary") return `0 and ${encoding.value > 255 ? colour(encoding.value) : encoding.value}`
  return encoding.kind === "blurred" ? "blurred edges" : `classes 0, ${encoding.values.join(", ")}`
}

const some = (names: readonly string[]): string =>
  `${names.slice(0, 5).join(", ")}${names.length > 5 ? `, … (${names.length})` : ""}`

const warning = (...about: Parameters<typeof aboutFile>): Diagnostic => ({
  ...aboutFile(...about),
  severity: "warning",
})

/** Empty, full, and stored in several ways. */
export const aboutMasks = (root: string, seen: readonly Seen[], chosen: number | undefined): readonly Diagnostic[] => {
  if (seen.length === 0) return []
  const out: Diagnostic[] = []
  const empty = seen.filter(({ foreground }) => foreground === 0)
  if (empty.length === seen.length)
    out.push(
      aboutFile(
        root,
        "HS4205",
        chosen === undefined ? "all masks are empty" : `all masks are empty: none holds class ${chosen}`,
        `The masks hold ${
          Object.keys(tally(seen.flatMap(({ encodings }) => encodings.map(nameOf))))
            .sort()
            .join("; ") || "no runs"
        }.`,
      ),
    )
  else if (empty.length > 0)
    out.push(
      warning(
        root,
        "HS4205",
        `${empty.length} of ${seen.length} masks are empty: ${some(empty.map(({ one }) => one.id))}`,
        "Right where nothing is there; such cases cannot be prompted from their mask.",
      ),
    )
  const full = seen.filter(({ foreground }) => foreground === 1)
  if (full.length === seen.length)
    out.push(
      aboutFile(
        root,
        "HS4206",
        "every pixel of every mask is foreground",
        "Check how the masks were exported: there is nothing to tell apart.",
      ),
    )
  else if (full.length > 0)
    out.push(
      warning(
        root,
        "HS4206",
        `${full.length} of ${seen.length} masks cover the whole image: ${some(full.map(({ one }) => one.id))}`,
        "Look at them: one of several masks may be inverted or a placeholder.",
      ),
    )
  const inverted = seen.filter(({ corners, foreground }) => corners === 4 && foreground > 0.5 && foreground < 1)
  const islands = seen.filter(({ corners, foreground }) => corners === 0 && foreground > 0 && foreground < 0.5)
  if (inverted.length > 0 && islands.length > inverted.length)
    out.push(
      aboutFile(
        root,
        "HS4212",
        `${inverted.length} of ${seen.length} masks are inverted: all but an island is foreground in ${some(inverted.map(({ one }) => one.id))}`,
        "Invert those masks' files; the others have an island in a background.",
      ),
    )
  else if (inverted.length > 0 && islands.length > 0)
    out.push(
      aboutFile(
        root,
        "HS4212",
        `masks are of two kinds: in ${inverted.length} of ${seen.length} all but an island is foreground, in ${islands.length} an island is: ${some(islands.map(({ one }) => one.id))}`,
        "Look at which is meant, and invert the files of the others; --inverted takes all of them the other way round.",
      ),
    )
  else if (inverted.length > 0 && islands.length === 0)
    out.push(
      warning(
        root,
        "HS4212",
        `in ${inverted.length} of ${seen.length} masks all but an island is foreground`,
        "If the island is meant, say --inverted.",
      ),
    )
  const stored = seen.flatMap((one) => one.encodings)
  const blurred = stored.filter(({ kind }) => kind === "blurred").length
  if (blurred > 0)
    out.push(
      warning(
        root,
        "HS4204",
        `${blurred} of ${stored.length} mask files have values between background and foreground at their edges, as JPEG and resizing leave them; they are cut at half`,
        "Right as it is; save masks as PNG without resizing where the edge matters.",
      ),
    )
  const sharp = new Set(stored.filter(({ kind }) => kind === "binary" || kind === "classes").map(nameOf))
  const binary = [...sharp].filter((name) => name.startsWith("0 and"))
  if (chosen === undefined && binary.length > 1)
    out.push(
      warning(
        root,
        "HS4204",
        `masks are stored in several ways: ${[...sharp].sort().join("; ")}`,
        "They are read correctly here; save all as PNG with 0 and 255 for other programs.",
      ),
    )
  return out
}

/** Millimetres. No ultrasound image is a metre wide. */
const widest = 1000
/** Below it, an image is black to a person. */
const dark = 16

/** Images that show nothing, and depths that were told from the values and differ. */
export const aboutImages = (root: string, seen: readonly Seen[]): readonly Diagnostic[] => {
  const nothing = seen.filter(({ flat, brightest }) => flat || brightest < dark)
  const told = seen.filter(({ range, flat }) => range.from === "content" && !flat)
  const turned = seen.filter(({ turnedAlone }) => turnedAlone)
  const widthOf = ({ one, width }: Seen) => width * (one.spacing?.x ?? 0)
  const vast = seen.filter((one) => widthOf(one) > widest)
  const depths = tally(told.map(({ range }) => rangeText({ ...range, from: "type" })))
  return [
    ...(nothing.length > 0
      ? [
          warning(
            root,
            "HS4213",
            `${nothing.length} of ${seen.length} images show nothing: they are of one value, or black, as ${some(nothing.map(({ one }) => one.id))}`,
            "Look at them; leave them out, or say with --window which of their values are black and white.",
          ),
        ]
      : []),
    ...(turned.length > 0
      ? [
          warning(
            root,
            "HS4202",
            `${turned.length} of ${seen.length} images are turned by an orientation tag that their masks do not have, as ${some(turned.map(({ one }) => one.id))}`,
            "Look at one of them with its mask: drawn on the file as it lies, the mask is turned against its image. Save both upright, without a tag.",
          ),
        ]
      : []),
    ...(vast.length > 0
      ? [
          warning(
            root,
            "HS5308",
            `the pixel spacing makes ${vast.length} of ${seen.length} images wider than a metre, as ${vast[0]!.one.id}: ${vast[0]!.width} pixels of ${vast[0]!.one.spacing!.x} mm are ${Number((widthOf(vast[0]!) / 1000).toPrecision(3))} m`,
            "Give millimetres per pixel: 60 micrometres are 0.06.",
          ),
        ]
      : []),
    ...(Object.keys(depths).length > 1
      ? [
          aboutFile(
            root,
            "HS4214",
            `the images' values were told to have several ranges: ${Object.entries(depths)
              .map(([range, n]) => `${range} (${n})`)
              .join(", ")}`,
            "Say one for all of them, as --window 0,4095 for 12 bits.",
          ),
        ]
      : []),
  ]
}

/** Subjects unknown or in two of the authors' parts; one class only. */
export const aboutCases = ({ root, cases }: DataSet, seen: readonly Seen[]): readonly Diagnostic[] => {
  const out: Diagnostic[] = []
  const without = cases.filter(({ subject }) => subject === undefined)
  if (without.length > 0 && seen.length > 0)
    out.push(
      warning(
        root,
        "HS4304",
        without.length === cases.length
          ? "subjects are unknown, so images of one person may be in two parts of a split"
          : `${without.length} of ${cases.length} cases have no subject: ${some(without.map(({ id }) => id))}`,
        "Give a table with a column 'subject', or the pattern that finds it in the images' names: --subject '^(\\d+)_'.",
      ),
    )
  const ownersOf = new Map<string, string[]>()
  for (const { id, mask } of cases)
    if (mask.kind === "files") for (const path of mask.paths) ownersOf.set(path, [...(ownersOf.get(path) ?? []), id])
  const shared = [...ownersOf].filter(([, ids]) => ids.length > 1)
  if (shared.length > 0)
    out.push(
      warning(
        root,
        "HS4107",
        `one mask is that of several images: ${some(shared.map(([path, ids]) => `${basename(path)} of ${ids.slice(0, 3).join(" and ")}`))}`,
        "Right for frames in which nothing moved; else name each image's own mask.",
      ),
    )
  const spaced = cases.filter(({ spacing }) => spacing !== undefined).length
  if (spaced > 0 && spaced < cases.length)
    out.push(
      aboutFile(
        root,
        "HS5308",
        `${cases.length - spaced} of ${cases.length} images have no pixel spacing: ${some(cases.filter(({ spacing }) => spacing === undefined).map(({ id }) => id))}`,
        "Give a spacing for every image, or for none: distances would mix pixels and millimetres.",
      ),
    )
  const classes = Object.keys(tally(cases.map((one) => one.class)))
  if (classes.length === 1)
    out.push(
      warning(
        root,
        "HS4206",
        `all cases are of one class, '${classes[0]}'`,
        "Check that the other classes' folders are there.",
      ),
    )
  const partsOf = new Map<string, Set<Part>>()
  for (const { subject, part } of cases)
    if (subject !== undefined && part !== undefined) partsOf.set(subject, (partsOf.get(subject) ?? new Set()).add(part))
  const leaks = [...partsOf].filter(([, found]) => found.size > 1).map(([subject]) => subject)
  if (leaks.length > 0)
    out.push(
      aboutFile(
        root,
        "HS4301",
        `subjects are in two of the parts that the data come in: ${some(leaks)}`,
        "Leave the parts out and have the data split by subject.",
      ),
    )
  return out
}

/** The same pixels under several names. Warnings, but for copies in two parts of a split: those are errors. */
export const repeated = (root: string, seen: readonly Seen[], split: Split | undefined): readonly Diagnostic[] => {
  const groups = new Map<string, Case[]>()
  for (const { hash, one } of seen) groups.set(hash, [...(groups.get(hash) ?? []), one])
  const copies = [...groups.values()].filter(({ length }) => length > 1)
  const partOf = ({ id, part }: Case) => (split === undefined ? part : parts.find((name) => split[name].includes(id)))
  const isLeak = (group: readonly Case[]) => new Set(group.map(partOf).filter((part) => part !== undefined)).size > 1
  const spell = (list: readonly (readonly Case[])[]) => some(list.map((group) => group.map(({ id }) => id).join(" = ")))
  const leaks = copies.filter(isLeak)
  const others = copies.filter((group) => !isLeak(group))
  const help = "Keep one of each, or keep them in the same part."
  return [
    ...(leaks.length > 0 ? [aboutFile(root, "HS4207", `the same image is in two parts: ${spell(leaks)}`, help)] : []),
    ...(others.length > 0 ? [warning(root, "HS4207", `images are there more than once: ${spell(others)}`, help)] : []),
  ]
}
