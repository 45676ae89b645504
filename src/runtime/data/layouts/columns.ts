/** What a table's columns mean, by the names that people give them. */
import { distance } from "fastest-levenshtein"

export const fields = ["image", "mask", "id", "subject", "class", "part", "spacing", "spacing_x", "spacing_y"] as const
export type Field = (typeof fields)[number]

/** Written without anything but letters and digits. */
const names: { readonly [F in Field]: readonly string[] } = {
  image: ["image", "images", "img", "imagepath", "imagefile", "imagefilename", "imgpath", "scan", "scanpath"],
  mask: [
    "mask",
    "masks",
    "maskpath",
    "maskfile",
    "maskfilename",
    "seg",
    "segmentation",
    "segmentationpath",
    "annotation",
    "groundtruth",
    "gt",
    "label",
    "labelpath",
    "labelfile",
  ],
  id: ["id", "caseid", "case", "imageid"],
  subject: [
    "subject",
    "subjectid",
    "subjectname",
    "patient",
    "patientid",
    "patientname",
    "patientnumber",
    "pid",
    "person",
    "volunteer",
    "ptid",
    "ptno",
    "patid",
    "patno",
    "patientno",
    "patientnr",
    "subjectno",
    "subjectnumber",
    "subjid",
    "subid",
    "participant",
    "participantid",
    "mrn",
  ],
  class: ["class", "classname", "category", "diagnosis", "pathology"],
  part: ["part", "split", "set", "subset", "partition", "phase", "usage"],
  spacing: ["spacing", "pixelspacing", "mmperpixel", "spacingmm", "mmpx", "pxmm", "pixelsize", "pixelsizemm"],
  spacing_x: ["spacingx", "pixelspacingx", "xspacing"],
  spacing_y: ["spacingy", "pixelspacingy", "yspacing"],
}

const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, "")

export interface Columns {
  /** The column of each field that is there. */
  readonly of: { readonly [F in Field]?: string }
  /** Columns that mean nothing here. */
  readonly unused: readonly string[]
  /** Those that are nearly the name of a field that is missing. */
  readonly meant: readonly { readonly column: string; readonly field: Field }[]
}

/** The first column of a field is used; names as written in `fields` come before others. */
export const columnsOf = (columns: readonly string[]): Columns => {
  const of: { [F in Field]?: string } = {}
  for (const field of fields) {
    const found = columns.find((name) => name === field) ?? columns.find((name) => names[field].includes(plain(name)))
    if (found !== undefined) of[field] = found
  }
  const used = new Set(Object.values(of))
  const unused = columns.filter((name) => !used.has(name) && name !== "")
  const meant = unused.flatMap((column) => {
    const field = fields.find(
      (name) =>
        of[name] === undefined &&
        names[name].some((known) => known.length > 3 && distance(known, plain(column)) <= (known.length > 5 ? 2 : 1)),
    )
    return field === undefined ? [] : [{ column, field }]
  })
  return { of, unused, meant }
}
