/**
 * Whole models around which a library put low-rank updates: peft's LoraModel, loralib's layers, SAMed's wrapper of qkv. Their state dicts hold each base layer under
 * another name beside its updates. Names become those that the same updates have here, or the updates go into the base.
 */

/** What a name is: the tensor of the base, or half of an update of it. */
interface Place {
  /** As hasam names it. */
  readonly name: string
  /** Of an update: the base's weight, which half, and of which third of a fused qkv. */
  readonly update?: { readonly of: string; readonly half: "a" | "b"; readonly third?: 0 | 1 | 2 }
  /** A copy that training left as it was, in place of which another counts. */
  readonly idle?: true
}
export interface WrappedLora {
  readonly library: "peft" | "SAMed" | "loralib"
  readonly places: ReadonlyMap<string, Place>
}

const thirds = { q: 0, k: 1, v: 2 } as const

const inPeft = (name: string): Place => {
  const bare = name.replace(/^base_model\.model\./, "")
  const half = /^(.*)\.lora_([AB])(?:\.[^.]+)?\.weight$/.exec(bare)
  if (half !== null) {
    const [, layer, which] = half as unknown as [string, string, "A" | "B"]
    const low = which.toLowerCase() as "a" | "b"
    return { name: `${layer}.lora_${low}.weight`, update: { of: `${layer}.weight`, half: low } }
  }
  if (/\.original_module\./.test(bare)) return { name: bare, idle: true }
  return { name: bare.replace(/\.base_layer\./g, ".").replace(/\.modules_to_save\.[^.]+\./g, ".") }
}
const inSamed = (name: string): Place => {
  const half = /^(.*\.qkv)\.linear_([ab])_([qkv])\.weight$/.exec(name)
  if (half !== null) {
    const [, layer, which, slice] = half as unknown as [string, string, "a" | "b", "q" | "k" | "v"]
    const update = { of: `${layer}.weight`, half: which, third: thirds[slice] }
    return { name: `${layer}.lora_${which}_${slice}.weight`, update }
  }
  return { name: name.replace(/\.qkv\.qkv\.(weight|bias)$/, ".qkv.$1") }
}
const inLoralib = (name: string): Place => {
  const half = /^(.*)\.lora_([AB])$/.exec(name)
  if (half === null) return { name }
  const [, layer, which] = half as unknown as [string, string, "A" | "B"]
  const low = which.toLowerCase() as "a" | "b"
  return { name: `${layer}.lora_${low}.weight`, update: { of: `${layer}.weight`, half: low } }
}

const libraries = [
  ["peft", /(^base_model\.model\.|\.base_layer\.|\.lora_[AB](\.[^.]+)?\.weight$)/, inPeft],
  ["SAMed", /\.qkv\.linear_[ab]_[qkv]\.weight$/, inSamed],
  ["loralib", /\.lora_[AB]$/, inLoralib],
] as const

/** The wrapping that a file's names show; undefined for a file without one. */
export const wrappedLora = (names: readonly string[]): WrappedLora | undefined => {
  const found = libraries.find(([, shows]) => names.some((name) => shows.test(name)))
  if (found === undefined) return undefined
  const [library, , placeOf] = found
  return { library, places: new Map(names.map((name) => [name, placeOf(name)])) }
}

/** Why such a file fits no model as it stands, and what makes it fit, as half a sentence. */
export const wrappedCause = ({ library }: WrappedLora): string =>
  `the file is a whole model with LoRA that ${library} put around its layers: 'hasam weights convert FILE OUT --names segment-anything' names its tensors for a spec with lora(…), and with --lora-alpha puts them into the base`

/** W + (alpha / rank) · B A, [out, in]; of a third of a fused qkv, in its rows alone. `alpha` left out: the rank, as SAMed has it. */
export const updated = (
  weight: Float32Array,
  [gives, takes]: readonly [number, number],
  a: Float32Array,
  b: Float32Array,
  { alpha, third }: { readonly alpha: number | undefined; readonly third: 0 | 1 | 2 | undefined },
): Float32Array => {
  const rank = a.length / takes
  const rows = b.length / rank
  const from = third === undefined ? 0 : third * (gives / 3)
  const scale = alpha === undefined ? 1 : alpha / rank
  const out = new Float32Array(weight)
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < takes; j++) {
      let sum = 0
      for (let k = 0; k < rank; k++) sum += b[i * rank + k]! * a[k * takes + j]!
      out[(from + i) * takes + j]! += scale * sum
    }
  return out
}
