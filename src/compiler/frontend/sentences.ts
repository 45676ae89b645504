import type { Code } from "../codes/index.ts"

/** Sentences that the editor shows (src/dsl/sentences.ts), by how they begin or what they say. */
const known: readonly (readonly [RegExp, Code])[] = [
  [/^this layer takes /, "HS1010"],
  [/^widths must agree here/, "HS1010"],
  [/^the blocks of this model have no /, "HS1027"],
  [/^this model has no blocks/, "HS1014"],
  [/^the network has no input /, "HS1028"],
  [/^the network's input /, "HS1028"],
  [/^the network has one input/, "HS1028"],
  [/^the network has no output /, "HS1029"],
  [/^x \+ f\(x\) needs f/, "HS1011"],
  [/^an adapter gives back /, "HS1012"],
  [/^there is no block /, "HS1013"],
  [/^this schedule is for /, "HS1014"],
  [/^these adapters are for /, "HS1015"],
  [/^every part is frozen/, "HS1016"],
  [/^(un)?freeze: (there is no part|nothing learns in) /, "HS1018"],
  [/^a width is a whole number/, "HS1021"],
  [/^a ratio is not a number of features/, "HS1026"],
]
export const codeOfSentence = (sentence: string): Code | undefined =>
  known.find(([pattern]) => pattern.test(sentence))?.[1]
