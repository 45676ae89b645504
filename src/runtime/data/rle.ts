/** Run-length masks as Kaggle's: "start length start length …", counted from 1, down each column before the next. */
import { type Either, left, right } from "fp-ts/lib/Either.js"
import { emptyMask, type Mask } from "./raster.ts"

/** What is wrong is said in half a sentence. An empty text is an empty mask. */
export const decodeRle = (
  runs: string,
  { width, height }: { readonly width: number; readonly height: number },
): Either<string, Mask> => {
  const text = runs.trim()
  const out = emptyMask(width, height)
  if (text === "") return right(out)
  const words = text.split(/\s+/)
  const bad = words.find((word) => !/^\d+$/.test(word))
  if (bad !== undefined) return left(`'${bad.slice(0, 20)}' is not a whole number`)
  if (words.length % 2 === 1) return left(`it has ${words.length} numbers, and runs are pairs of start and length`)
  let end = 1
  for (let i = 0; i < words.length; i += 2) {
    const [start, length] = [Number(words[i]), Number(words[i + 1])]
    if (start < 1 || length < 1) return left(`run ${i / 2 + 1} is '${start} ${length}'; both count from 1`)
    if (start < end) return left(`run ${i / 2 + 1} starts at ${start}, before the one before it ends`)
    end = start + length
    if (end - 1 > width * height)
      return left(`run ${i / 2 + 1} ends at pixel ${end - 1} of an image of ${width * height}`)
    for (let p = start - 1; p < end - 1; p++) out.data[(p % height) * width + Math.floor(p / height)] = 1
  }
  return right(out)
}

/** The inverse of `decodeRle`. */
export const encodeRle = ({ width, height, data }: Mask): string => {
  const runs: number[] = []
  let length = 0
  for (let p = 0; p <= width * height; p++) {
    const inside = p < width * height && data[(p % height) * width + Math.floor(p / height)] === 1
    if (inside) length++
    else if (length > 0) {
      runs.push(p - length + 1, length)
      length = 0
    }
  }
  return runs.join(" ")
}
