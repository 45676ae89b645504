/** What TypeScript says of mistakes that people make with this language, in the language's own words. */
import type { Code } from "../codes/index.ts"

export interface Translation {
  readonly code: Code
  readonly message: string
  readonly help: string
}

const known: readonly (readonly [RegExp, Translation])[] = [
  [
    // From TypeScript 5.9 on: "Type" within another message, "Argument of type" by itself.
    /type '(?:number|[\d.]+)' is not assignable to (?:parameter of )?type 'Rank'/i,
    {
      code: "HS1047",
      message: "a number is given for a rank",
      help: "Take the rank that adapt gives: adapt(uniform(12, 64), (rank) => [ … ]).",
    },
  ],
  [
    /^Type 'Placement<.*' is (?:missing the following properties from|not assignable to) type 'readonly Placement</,
    {
      code: "HS1049",
      message: "adapt takes a function that gives a list of placements, not a placement: put [ ] around it",
      help: "As in adapt(ranks, (rank) => [afterAttention(adapter(rank))]).",
    },
  ],
  [
    /^Argument of type '(?:readonly )?Placement<.*' is not assignable to parameter of type '\(rank: Rank/,
    {
      code: "HS1049",
      message: "adapt takes a function from a rank to placements, not placements",
      help: "Put (rank) => before them: adapt(ranks, (rank) => [afterAttention(adapter(rank))]).",
    },
  ],
  [
    /^This expression is not callable\. Type 'Model</,
    {
      code: "HS1049",
      message: "a model is not a function",
      help: "Leave out the ( ) behind it: pipe(samVitB, freezeAll).",
    },
  ],
  [
    /^Argument of type 'Model<.*' is not assignable to parameter of type '\(a: /,
    {
      code: "HS1049",
      message: "pipe takes one model, at its beginning, and functions that change it behind",
      help: "Put the model first; freezeAll stands without ( ), adapt(…), freeze(…) and the like with theirs.",
    },
  ],
  [
    /^Type 'Rates<.*' is not assignable to type '(?:Rates<|undefined)/,
    {
      code: "HS1018",
      message: "rates: a part is named that the model does not have",
      help: "Name parts of the model, as the report lists them, or adapters.",
    },
  ],
  [
    /^Argument of type 'Select<.*' is not assignable to parameter of type '\(a: /,
    {
      code: "HS1049",
      message: "a selector by itself changes nothing",
      help: "Say what is done with it: freeze(blocks(1, 2)), unfreeze(blocks(1, 2)).",
    },
  ],
]

/** `text`: what the type checker says, on one line. Undefined where its own words have to do. */
export const translated = (text: string): Translation | undefined => known.find(([pattern]) => pattern.test(text))?.[1]
