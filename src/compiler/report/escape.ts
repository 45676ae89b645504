/** Names from specs, files and data are data: escaped for what they are written into, and never a path. */
import { createHash } from "node:crypto"
import { own } from "../../dsl/own.ts"

/** Characters that steer a terminal or turn text around: controls, bidirectional overrides, what is no character. */
const steering = /\p{C}/gu

/** On one line, for people: what cannot be seen is shown as its code. */
export const visible = (text: string): string =>
  text.replace(steering, (c) => `\\u{${c.codePointAt(0)!.toString(16).padStart(4, "0")}}`)

/** For XML, SVG and HTML, as text and in quotes. Control characters are in no XML. */
export const xml = (text: string): string =>
  legal(text)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;")

/** A whole document of XML without the characters that no document may hold. */
export const legal = (text: string): string => text.replace(/[^\P{C}\n\t\u{e0001}-\u{e007f}\u200c\u200d]/gu, "\ufffd")

/** For Markdown, in running text and in cells of tables. */
export const markdown = (text: string): string =>
  visible(text).replace(/[\\`*_[\]<#|~$&]/g, (c) => (c === "<" ? "&lt;" : c === "&" ? "&amp;" : `\\${c}`))

/** For Markdown as code: the fence is longer than any in the text. */
export const markdownCode = (text: string): string => {
  const shown = visible(text)
  const longest = Math.max(0, ...[...shown.matchAll(/`+/g)].map(([run]) => run.length))
  const fence = "`".repeat(longest + 1)
  return longest === 0 ? `\`${shown}\`` : `${fence} ${shown} ${fence}`
}

const latexCharacters: Readonly<Record<string, string>> = {
  "\\": "\\textbackslash{}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "<": "\\textless{}",
  ">": "\\textgreater{}",
  "|": "\\textbar{}",
}
export const latex = (text: string): string =>
  visible(text).replace(/[\\~^<>|#$%&_{}]/g, (c) => own(latexCharacters, c) ?? `\\${c}`)

/** For a comment or a docstring in Python: on one line, without quotes and backslashes. */
export const python = (text: string): string => visible(text).replace(/["\\]/g, "'")

const longest = 120
/** A name as that of a file or folder: never a path, never hidden, and different names give different ones. */
export const fileName = (name: string): string => {
  const safe = name.replace(/[^\p{L}\p{N}_.-]|^[.-]|\.$/gu, (c) => `%${Buffer.from(c).toString("hex").toUpperCase()}`)
  const plain = safe === "" ? "%" : /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(safe) ? `%${safe}` : safe
  return plain.length <= longest
    ? plain
    : `${plain.slice(0, longest - 13)}%${createHash("sha256").update(name).digest("hex").slice(0, 12)}`
}
