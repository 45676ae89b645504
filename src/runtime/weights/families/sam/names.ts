/**
 * Naming conventions of SAM's tensors. Ours are segment-anything's; Hugging Face's are those of transformers' SamModel
 * (its convert_sam_to_hf.py and modeling_sam.py); SAMed's are those of its LoRA files.
 */

/** How names are written: '#' stands for a number, a last '*' for whatever follows. */
type Pattern = string

/** segment-anything's names beside Hugging Face's. The first row that fits decides, in either direction. */
const rows: readonly (readonly [ours: Pattern, theirs: Pattern])[] = [
  ["image_encoder.patch_embed.proj.*", "vision_encoder.patch_embed.projection.*"],
  ["image_encoder.pos_embed", "vision_encoder.pos_embed"],
  ["image_encoder.blocks.#.norm1.*", "vision_encoder.layers.#.layer_norm1.*"],
  ["image_encoder.blocks.#.norm2.*", "vision_encoder.layers.#.layer_norm2.*"],
  ["image_encoder.blocks.#.*", "vision_encoder.layers.#.*"], // attn, mlp, and adapters
  ["image_encoder.neck.0.*", "vision_encoder.neck.conv1.*"],
  ["image_encoder.neck.1.*", "vision_encoder.neck.layer_norm1.*"],
  ["image_encoder.neck.2.*", "vision_encoder.neck.conv2.*"],
  ["image_encoder.neck.3.*", "vision_encoder.neck.layer_norm2.*"],

  ["prompt_encoder.pe_layer.positional_encoding_gaussian_matrix", "shared_image_embedding.positional_embedding"],
  // The same matrix, tied; older files hold it twice.
  [
    "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix",
    "prompt_encoder.shared_embedding.positional_embedding",
  ],
  ["prompt_encoder.point_embeddings.#.*", "prompt_encoder.point_embed.#.*"],
  ["prompt_encoder.mask_downscaling.0.*", "prompt_encoder.mask_embed.conv1.*"],
  ["prompt_encoder.mask_downscaling.1.*", "prompt_encoder.mask_embed.layer_norm1.*"],
  ["prompt_encoder.mask_downscaling.3.*", "prompt_encoder.mask_embed.conv2.*"],
  ["prompt_encoder.mask_downscaling.4.*", "prompt_encoder.mask_embed.layer_norm2.*"],
  ["prompt_encoder.mask_downscaling.6.*", "prompt_encoder.mask_embed.conv3.*"],
  ["prompt_encoder.not_a_point_embed.*", "prompt_encoder.not_a_point_embed.*"],
  ["prompt_encoder.no_mask_embed.*", "prompt_encoder.no_mask_embed.*"],

  ["mask_decoder.transformer.layers.#.norm1.*", "mask_decoder.transformer.layers.#.layer_norm1.*"],
  ["mask_decoder.transformer.layers.#.norm2.*", "mask_decoder.transformer.layers.#.layer_norm2.*"],
  ["mask_decoder.transformer.layers.#.norm3.*", "mask_decoder.transformer.layers.#.layer_norm3.*"],
  ["mask_decoder.transformer.layers.#.norm4.*", "mask_decoder.transformer.layers.#.layer_norm4.*"],
  ["mask_decoder.transformer.norm_final_attn.*", "mask_decoder.transformer.layer_norm_final_attn.*"],
  ["mask_decoder.transformer.*", "mask_decoder.transformer.*"],
  ["mask_decoder.iou_token.*", "mask_decoder.iou_token.*"],
  ["mask_decoder.mask_tokens.*", "mask_decoder.mask_tokens.*"],
  ["mask_decoder.output_upscaling.0.*", "mask_decoder.upscale_conv1.*"],
  ["mask_decoder.output_upscaling.1.*", "mask_decoder.upscale_layer_norm.*"],
  ["mask_decoder.output_upscaling.3.*", "mask_decoder.upscale_conv2.*"],
]

/** Perceptrons, whose first and last layers Hugging Face names apart: proj_in, layers.0 …, proj_out. */
const perceptrons: readonly Pattern[] = ["mask_decoder.iou_prediction_head", "mask_decoder.output_hypernetworks_mlps.#"]

/** SAMed stores, block by block, the two LoRA of q and of v: w_a_000 is block 0's q, w_a_001 its v. */
const samed = ["w_a_", "w_b_"] as const

type Segments = readonly string[]
const isNumber = (segment: string): boolean => /^\d+$/.test(segment)

/** What the pattern's placeholders stand for in a name, or undefined if it does not fit. */
const capture = (pattern: Segments, name: Segments): readonly string[] | undefined => {
  const open = pattern[pattern.length - 1] === "*"
  if (open ? name.length < pattern.length : name.length !== pattern.length) return undefined
  const found: string[] = []
  for (let i = 0; i < pattern.length; i++) {
    const [wanted, segment] = [pattern[i]!, name[i]!]
    if (wanted === "*") return [...found, name.slice(i).join(".")]
    if (wanted === "#" && isNumber(segment)) found.push(segment)
    else if (wanted !== segment) return undefined
  }
  return found
}
const fill = (pattern: Segments, found: readonly string[]): string => {
  let next = 0
  return pattern.map((segment) => (segment === "#" || segment === "*" ? found[next++] : segment)).join(".")
}

const split = (pattern: Pattern): Segments => pattern.split(".")
const table = rows.map(([ours, theirs]) => ({ ours: split(ours), theirs: split(theirs) }))
const heads = perceptrons.map(split)

/** A layer of a perceptron: the perceptron, what names the layer, and the rest. */
const perceptronLayer = (name: string) => {
  const segments = split(name)
  const head = heads.find((pattern) => capture(pattern, segments.slice(0, pattern.length)) !== undefined)
  if (head === undefined) return undefined
  const [layer = "", ...rest] = segments.slice(head.length)
  const of = segments.slice(0, head.length).join(".")
  if (layer !== "layers") return { of, layer, rest }
  const [index = "", ...after] = rest
  return isNumber(index) ? { of, layer: Number(index), rest: after } : undefined
}

/** How many numbered layers each perceptron has. */
const layerCounts = (names: readonly string[]): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const name of names) {
    const found = perceptronLayer(name)
    if (typeof found?.layer === "number") counts.set(found.of, Math.max(counts.get(found.of) ?? 0, found.layer + 1))
  }
  return counts
}

type Renaming = (name: string) => string | undefined

const throughTable =
  (from: "ours" | "theirs", to: "ours" | "theirs"): Renaming =>
  (name) => {
    const segments = split(name)
    for (const row of table) {
      const found = capture(row[from], segments)
      if (found !== undefined) return fill(row[to], found)
    }
    return undefined
  }

const fromHuggingFace = (names: readonly string[]): Renaming => {
  const counts = layerCounts(names)
  const rename = throughTable("theirs", "ours")
  return (name) => {
    const found = perceptronLayer(name)
    if (found === undefined) return rename(name)
    const { of, layer, rest } = found
    const index =
      layer === "proj_in"
        ? 0
        : layer === "proj_out"
          ? (counts.get(of) ?? 0) + 1
          : typeof layer === "number"
            ? layer + 1
            : undefined
    return index === undefined ? undefined : [of, "layers", index, ...rest].join(".")
  }
}

const intoHuggingFace = (names: readonly string[]): Renaming => {
  const counts = layerCounts(names)
  const rename = throughTable("ours", "theirs")
  return (name) => {
    const found = perceptronLayer(name)
    if (found === undefined) return rename(name)
    const { of, layer, rest } = found
    if (typeof layer !== "number") return undefined
    const place = layer === 0 ? ["proj_in"] : layer === counts.get(of)! - 1 ? ["proj_out"] : ["layers", layer - 1]
    return [of, ...place, ...rest].join(".")
  }
}

const fromSamed: Renaming = (name) => {
  const kind = samed.find((prefix) => name.startsWith(prefix))
  const number = name.slice(4)
  if (kind === undefined || !isNumber(number)) return undefined
  const [block, slice] = [Math.floor(Number(number) / 2), Number(number) % 2 === 0 ? "q" : "v"]
  return `image_encoder.blocks.${block}.attn.qkv.lora_${kind[2]}_${slice}.weight`
}

export type Convention = "segment-anything" | "Hugging Face" | "SAMed LoRA" | "other"

/** Which convention a file's names follow. */
export const conventionOf = (names: readonly string[]): Convention => {
  const some = (prefix: string) => names.some((name) => name.startsWith(prefix))
  if (some("vision_encoder.layers.") || some("shared_image_embedding.")) return "Hugging Face"
  if (some("image_encoder.") || some("prompt_encoder.") || some("mask_decoder.")) return "segment-anything"
  return some("w_a_") && some("w_b_") ? "SAMed LoRA" : "other"
}

/** Wrappers around a module, and what makes them. */
const wrappers: Readonly<Record<string, string>> = {
  "module.": "DataParallel",
  "_orig_mod.": "torch.compile",
  "model.": "a wrapping module",
  "sam.": "a wrapping module",
  "sam_model.": "a wrapping module",
  "net.": "a wrapping module",
  "network.": "a wrapping module",
}

/** The prefix that all names share because the module was wrapped, outermost first; "" if none. */
export const wrapperOf = (names: readonly string[]): { readonly prefix: string; readonly notes: readonly string[] } => {
  let prefix = ""
  const notes: string[] = []
  for (;;) {
    const next = Object.keys(wrappers).find(
      (wrapper) => names.length > 0 && names.every((name) => name.startsWith(prefix + wrapper)),
    )
    if (next === undefined) return { prefix, notes }
    notes.push(`'${next}' before every name removed (${wrappers[next]})`)
    prefix += next
  }
}

/** Our name for each of a file's names, of whatever convention; a name without one stays as it is. */
export const ourNames = (names: readonly string[]): ReadonlyMap<string, string> => {
  const convention = conventionOf(names)
  const rename =
    convention === "Hugging Face" ? fromHuggingFace(names) : convention === "SAMed LoRA" ? fromSamed : () => undefined
  return new Map(names.map((name) => [name, rename(name) ?? name]))
}

/** Hugging Face's name for each of ours; undefined where it has none. */
export const huggingFaceNames = (names: readonly string[]): ReadonlyMap<string, string | undefined> => {
  const rename = intoHuggingFace(names)
  return new Map(names.map((name) => [name, rename(name)]))
}

/** Why a file cannot be written under Hugging Face's names. */
export const nameless = (names: string): string => `Hugging Face's SAM has no name for ${names}`
