/** What an option's text may say, and what it means: parsed before a command does anything. */
import { isLeft } from "fp-ts/lib/Either.js"
import { type Diagnostic, Failed, failed } from "../compiler/diagnostic.ts"
import { isWithin, type Range, rangeText } from "../dsl/ranges.ts"
import { parseWindow } from "../runtime/data/images/window.ts"

/** A kind of value: what it is in words, what a text of it means, and texts that it must refuse. */
export interface Kind {
  readonly about: string
  /** Throws HS5002, or a more special diagnostic. */
  readonly read: (name: string, text: string) => unknown
  /** What a test gives it: each must be refused. */
  readonly wrong: readonly string[]
  /** One that is fine. */
  readonly right: string
}

const refuse = (name: string, text: string, about: string): Failed =>
  failed(name, "HS5002", `'${text}' is not ${about}`, `Give ${about}.`)

const decimal = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i
const numberIn = (text: string): number => (decimal.test(text.trim()) ? Number(text) : Number.NaN)
const nonsense = ["", " ", "x", "NaN", "Infinity", "-Infinity", "0x10", "1e999", "1,5", "constructor", "__proto__"]

export const number = (range: Range): Kind => ({
  about: rangeText(range),
  read: (name, text) => {
    const value = numberIn(text)
    if (!isWithin(range, value)) throw refuse(name, text, rangeText(range))
    return value
  },
  wrong: [
    ...nonsense,
    ...[-1, 0, 0.5, 1.5, 1e300, (range.most ?? 0) + 1, (range.least ?? 0) - 1]
      .filter((n) => !isWithin(range, n))
      .map(String),
  ],
  right: String(range.least ?? range.most ?? range.above),
})

/** One number for a square, or height x width: 1024, 96x128. */
export const imageSize = (range: Range): Kind => {
  const about = `${rangeText(range)}, or two of them, height x width, such as 96x128`
  return {
    about,
    read: (name, text) => {
      const sides = text.split(/[x×]/).map(numberIn)
      const [height, width = height] = sides
      if (sides.length > 2 || !sides.every((side) => isWithin(range, side))) throw refuse(name, text, about)
      return [height, width]
    },
    wrong: [...nonsense, "0", "-1", "1.5", "96x", "x96", "96x128x3", "96x0", "1e300"],
    right: "96x128",
  }
}

/** 4,8,12: each once, in their order. */
export const numbers = (range: Range): Kind => {
  const about = `${rangeText(range)}, or several with commas between them`
  return {
    about,
    read: (name, text) => {
      const values = text.split(",").map(numberIn)
      if (!values.every((value) => isWithin(range, value))) throw refuse(name, text, about)
      return [...new Set(values)]
    },
    wrong: ["", "x", "1,", ",1", "0", "1,-1", "1.5", "NaN", "1;2"],
    right: "1,2",
  }
}

const list = (names: readonly string[]): string =>
  names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`

export const choice = (names: readonly string[]): Kind => ({
  about: list(names),
  read: (name, text) => {
    if (!names.includes(text)) throw refuse(name, text, list(names))
    return text
  },
  wrong: ["", "x", "constructor", "__proto__", "toString", `${names[0]} `, names.join(",")],
  right: names[0]!,
})

/** Several of them, with commas between; each once. */
export const choices = (names: readonly string[]): Kind => {
  const about = `one or several of ${names.join(", ")}`
  return {
    about,
    read: (name, text) => {
      const given = text.split(",").map((part) => part.trim())
      const unknown = given.find((one) => !names.includes(one))
      if (unknown !== undefined) throw refuse(name, unknown, about)
      return [...new Set(given)]
    },
    wrong: ["", "x", "constructor", `${names[0]},`, `${names[0]},__proto__`],
    right: names[0]!,
  }
}

/** Names of inputs, with commas between; whether the model has them, the command says. */
export const names: Kind = {
  about: "a name, or several with commas between them",
  read: (name, text) => {
    const given = text.split(",").map((part) => part.trim())
    if (given.some((one) => one === "")) throw refuse(name, text, names.about)
    return [...new Set(given)]
  },
  wrong: ["", " ", "a,", ",a", "a,,b"],
  right: "multimask",
}

const least = 2 ** 20
const most = 2 ** 50
/** 11GB, 800MiB, or bytes: GB and GiB alike are 2³⁰, as memory is sold. */
export const bytes: Kind = {
  about: "an amount of memory from 1MB to 1048576GB, such as 11GB or 800MB",
  read: (name, text) => {
    const [, number, unit] = /^(\d+(?:\.\d+)?)\s*(KI?B|MI?B|GI?B|B)?$/i.exec(text.trim()) ?? []
    const power = ["B", "K", "M", "G"].indexOf((unit ?? "B").slice(0, 1).toUpperCase())
    const value = Math.floor(Number(number) * 1024 ** power)
    if (!isWithin({ whole: true, least, most }, value)) throw refuse(name, text, bytes.about)
    return value
  },
  wrong: ["", "much", "1B", "0", "-1GB", "1e3", "NaN", "1TBB", "99999999999GB", "1000"],
  right: "11GB",
}

/** A file or folder; whether it is there, the command says. */
/** A name that stands in files' metadata. */
export const sentence: Kind = {
  about: "a few words",
  read: (name, text) => {
    const words = text.trim()
    if (words === "" || words.length > 200 || /\p{Cc}/u.test(words)) throw refuse(name, text, sentence.about)
    return words
  },
  wrong: ["", " ", "a\u0007b"],
  right: "Apache-2.0",
}
export const path: Kind = {
  about: "a path",
  read: (name, text) => {
    if (text.trim() === "" || text.includes("\0")) throw refuse(name, text, "a path")
    return text
  },
  wrong: ["", " "],
  right: "somewhere",
}

/** sam.pth,unet=,transUnet=r50.pth: by model, `""` for those that are not named; an empty path is none. */
export const armWeights: Kind = {
  about: "a path, or models with theirs, as sam.pth,transUnet=r50.pth,unet=",
  read: (name, text) => {
    const entries = text.split(",").map((part): readonly [string, string] => {
      const at = part.indexOf("=")
      return at < 0 ? ["", part.trim()] : [part.slice(0, at).trim(), part.slice(at + 1).trim()]
    })
    const bad = entries.some(
      ([of, file], i) => (of === "" && file === "") || entries.findIndex(([other]) => other === of) !== i,
    )
    if (bad || text.includes("\0")) throw refuse(name, text, armWeights.about)
    return Object.fromEntries(entries)
  },
  wrong: ["", ",", "a.pth,b.pth", "unet=a,unet=b", "=a.pth,b.pth", " "],
  right: "sam.pth,unet=",
}

/** #000000,#ff0000: as 0xRRGGBB, background first. */
export const palette: Kind = {
  about: "the classes' colours, background first, as '#000000,#ff0000'",
  read: (name, text) => {
    const colours = text.split(",").map((part) => part.trim())
    if (colours.length < 2 || !colours.every((colour) => /^#[0-9a-f]{6}$/i.test(colour)))
      throw refuse(name, text, palette.about)
    if (new Set(colours.map((colour) => colour.toLowerCase())).size < colours.length)
      throw refuse(name, text, `${palette.about}, each once`)
    return colours.map((colour) => Number.parseInt(colour.slice(1), 16))
  },
  wrong: ["", "#000000", "red", "#000,#fff", "#000000,", "#000000,#000000", "000000,ff0000", "constructor"],
  right: "#000000,#ff0000",
}

/** A regular expression that can match something. */
export const pattern: Kind = {
  about: "a regular expression that finds the subject in an image's name, as '^(\\d+)_'",
  read: (name, text) => {
    try {
      if (text.trim() === "" || text.length > 200) throw new Error()
      new RegExp(text)
      return text
    } catch {
      throw refuse(name, text, pattern.about)
    }
  },
  wrong: ["", " ", "(", "[a", "*", "x".repeat(201)],
  right: "^(\\d+)_",
}

/** 0,4095, or "image". */
export const window: Kind = {
  about: "two values, black and white, as 0,4095, or 'image' for each image's own least and greatest",
  read: (name, text) => {
    const found = parseWindow(text.trim())
    if (isLeft(found)) throw refuse(name, text, window.about)
    return found.right
  },
  wrong: ["", "0", "4095", "0,4095,1", "5,5", "9,1", "a,b", "0,", ",1", "NaN,1", "0,Infinity", "constructor"],
  right: "0,4095",
}

/** 0.5,12,40 … of pixels: as many as are wanted. */
export const coordinates = (names: readonly string[]): Kind => {
  const about = `${names.join(",")} in pixels of the original image`
  return {
    about,
    read: (name, text) => {
      const values = text.split(",").map(numberIn)
      if (values.length !== names.length || !values.every((v) => v >= 0 && v < 1e6)) throw refuse(name, text, about)
      if (names.length === 4 && (values[2]! < values[0]! || values[3]! < values[1]!)) throw refuse(name, text, about)
      return values
    },
    wrong: ["", "1", "a,b", "-1,2", "NaN,1", "1,2,3", names.length === 4 ? "5,5,1,9" : "1,2,3,4", "constructor"],
    right: names.map((_, i) => `${i + 1}`).join(","),
  }
}

/** 2px, 0.5mm: how far surfaces may lie apart. */
export const tolerance: Kind = {
  about: "a distance from 0 to 1,000 in pixels or millimetres, as 2px or 0.5mm",
  read: (name, text) => {
    const [, number, unit] = /^(\d+(?:\.\d+)?)\s*(px|mm)$/.exec(text.trim()) ?? []
    if (number === undefined || Number(number) > 1000) throw refuse(name, text, tolerance.about)
    return { value: Number(number), unit }
  },
  wrong: ["", "2", "px", "-1px", "2cm", "1e3px", "NaNpx", "1001mm", "constructor"],
  right: "2px",
}

/** 1/4: the first of four jobs. */
export const share: Kind = {
  about: "which of how many jobs, as 1/4",
  read: (name, text) => {
    const [, i, n] = /^(\d{1,4})\/(\d{1,4})$/.exec(text.trim()) ?? []
    if (i === undefined || Number(i) < 1 || Number(i) > Number(n)) throw refuse(name, text, share.about)
    return { i: Number(i), n: Number(n) }
  },
  wrong: ["", "1", "0/4", "5/4", "a/b", "1/0", "1.5/2", "-1/2", "constructor"],
  right: "1/4",
}

/** prompts=8: how often each prompt is shifted. */
export const uncertainty: Kind = {
  about: "how many shifted prompts tell the uncertainty, as prompts=8, from 2 to 64",
  read: (name, text) => {
    const [, n] = /^(?:prompts=)?(\d{1,2})$/.exec(text.trim()) ?? []
    if (n === undefined || Number(n) < 2 || Number(n) > 64) throw refuse(name, text, uncertainty.about)
    return Number(n)
  },
  wrong: ["", "x", "prompts=", "prompts=1", "prompts=65", "0", "-1", "1.5", "points=8"],
  right: "prompts=8",
}

/** Every value that was given, read; all that are wrong are said at once. */
export const readAll = (
  given: readonly { readonly name: string; readonly text: string; readonly kind: Kind }[],
): readonly unknown[] => {
  const problems: Diagnostic[] = []
  const values = given.map(({ name, text, kind }) => {
    try {
      return kind.read(name, text)
    } catch (problem) {
      if (!(problem instanceof Failed)) throw problem
      problems.push(...problem.diagnostics)
      return undefined
    }
  })
  const [first, ...rest] = problems
  if (first !== undefined) throw new Failed([first, ...rest])
  return values
}
