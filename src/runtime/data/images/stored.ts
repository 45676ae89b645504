/** An image as its file stores it, before it is decided which of its values is black and which is white. */

export type Values =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array

/** Millimetres per pixel. */
export interface Spacing {
  readonly x: number
  readonly y: number
}

export interface Stored {
  readonly width: number
  readonly height: number
  /** Three are red, green, blue, interleaved. */
  readonly channels: 1 | 3
  readonly data: Values
  /** How the file's kind is called: "PNG", "16-bit TIFF", "DICOM". */
  readonly format: string
  /** Significant bits, where the file says so and they are fewer than its type has. */
  readonly bits?: number
  /** What the file says is shown as black and as white. */
  readonly window?: readonly [low: number, high: number]
  /** What the file shows its values by, where that is no window. */
  readonly shownBy?: string
  /** The least value is white (MONOCHROME1, WhiteIsZero). */
  readonly lowIsWhite?: boolean
  /** JPEG and its like: values near an edge are not those that were saved. */
  readonly lossy?: boolean
  /** Values are indices into these colours, 0xRRGGBB. */
  readonly palette?: readonly number[]
  /** Samples of fewer than 8 bits were stretched to 0…255, by this factor. */
  readonly stretch?: number
  /** The file's transparency, 0…255, where it was asked for. */
  readonly alpha?: Uint8Array
  readonly spacing?: Spacing
  /** EXIF or TIFF orientation by which the pixels have been turned: 2 … 8. */
  readonly turned?: number
  /** The patient's directions of columns and rows, of NIfTI: "RA", "LP". */
  readonly axes?: string
}
