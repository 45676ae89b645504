/** One image with its mask, as every layout gives it. */
import type { Diagnostic } from "../../compiler/diagnostic.ts"
import type { MaskOptions } from "./foreground.ts"
import type { Window } from "./images/window.ts"
import type { Split } from "./split.ts"

export type MaskSource =
  /** Their union is the mask. */
  | { readonly kind: "files"; readonly paths: readonly string[] }
  /** A row of a csv. */
  | { readonly kind: "rle"; readonly runs: string; readonly file: string; readonly line: number }

export type Part = "train" | "validation" | "test"

export interface Case {
  /** One of its kind in the data set, and the same wherever the data set lies. */
  readonly id: string
  readonly image: string
  readonly mask: MaskSource
  readonly subject?: string
  readonly class?: string
  /** Millimetres per pixel. */
  readonly spacing?: { readonly x: number; readonly y: number }
  /** Where the data set's authors put it. */
  readonly part?: Part
  /** The first case with the same pixels, where several have them (copies.ts). */
  readonly copyOf?: string
}

export type LayoutName = "table" | "kaggle" | "busi" | "busbra" | "tn3k" | "camus" | "nnunet" | "folders"

export interface DataSet {
  /** The folder or csv that was given. */
  readonly root: string
  readonly layout: LayoutName
  /** In the order of their ids. */
  readonly cases: readonly Case[]
  /** What was understood that nobody said: for a person to agree with. */
  readonly notes: readonly string[]
  /** The partitions that the authors gave: each by the name of its files, with a split for each fold. */
  readonly folds?: readonly Folds[]
}

/** Folds as a data set's authors made them. */
export interface Folds {
  readonly name: string
  readonly splits: readonly Split[]
}

/** What the values in image and mask files mean. */
export interface PixelOptions extends MaskOptions {
  /** Masks hold the numbers of classes, below this, for a model that is taught classes. */
  readonly labels?: number | undefined
  /** Which of an image's values are black and white, where its file does not tell. */
  readonly window?: Window
}

/** Of a data set's files, and of what is in them. */
export interface DataOptions extends PixelOptions {
  /** Found out where it is not given. */
  readonly layout?: LayoutName
  /** BUSI: the folders to use. As the paper: benign and malignant. */
  readonly classes?: readonly string[]
  /** Kaggle nerve: where the masks come from. The TIFF files where they exist. */
  readonly masks?: "files" | "rle"
  /** Finds the subject in an image's name where nothing else says it, as the first group or the whole match. */
  readonly subject?: RegExp
}

/** What a layout makes of a folder. Problems add up; cases that have one are left out. */
export interface Found {
  readonly cases: readonly Case[]
  readonly diagnostics: readonly Diagnostic[]
  readonly notes?: readonly string[]
  readonly folds?: readonly Folds[]
}

/** Undefined: this folder is not of the layout. */
export type Layout = (root: string, options: DataOptions) => Promise<Found | undefined>
