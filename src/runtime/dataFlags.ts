/** What commands are told of the pixels that they read, and what a run remembers of it: no more than data, so that who reads no image needs no reader of images. */
import type { DataOptions, LayoutName, PixelOptions } from "./data/case.ts"

/** What every command that reads data is told of them. */
export interface DataFlags extends PixelOptions {
  readonly layout?: LayoutName
  /** A regular expression. */
  readonly subject?: string
}

export const dataOptionsOf = ({ layout, subject, ...rest }: DataFlags): DataOptions => ({
  ...(layout === undefined ? {} : { layout }),
  ...(subject === undefined ? {} : { subject: new RegExp(subject) }),
  ...pixelOptionsOf(rest),
})

const pixelOptionsOf = ({ class: chosen, window, palette, inverted }: PixelOptions): PixelOptions => ({
  ...(chosen === undefined ? {} : { class: chosen }),
  ...(window === undefined ? {} : { window }),
  ...(palette === undefined ? {} : { palette }),
  ...(inverted === undefined ? {} : { inverted }),
})

/** What a run remembers of them, beside the class: nothing of what was not said. */
export const recordedData = ({ class: _, subject, ...rest }: DataFlags): Readonly<Record<string, unknown>> => ({
  ...pixelOptionsOf(rest),
  ...(subject === undefined ? {} : { subject }),
})

/** What a run was told of its data. What is said now comes first. */
export const dataFlagsOf = (recorded: Readonly<Record<string, unknown>>, now: DataFlags): DataFlags => {
  const { class: chosen, window, palette, inverted, subject } = recorded
  const isNumbers = (value: unknown): value is readonly number[] =>
    Array.isArray(value) && value.every((n) => typeof n === "number")
  const before: DataFlags = {
    ...(typeof chosen === "number" ? { class: chosen } : {}),
    ...(window === "image" ? { window } : isNumbers(window) ? { window: [window[0]!, window[1]!] as const } : {}),
    ...(isNumbers(palette) ? { palette } : {}),
    ...(inverted === true ? { inverted } : {}),
    ...(typeof subject === "string" ? { subject } : {}),
  }
  const { layout, subject: pattern, ...pixels } = now
  return {
    ...before,
    ...pixelOptionsOf(pixels),
    ...(layout === undefined ? {} : { layout }),
    ...(pattern === undefined ? {} : { subject: pattern }),
  }
}
