/** What the shapes of a SAM's tensors say about it. */
import type { Shape } from "../../../../compiler/ir/graph.ts"

export interface Named {
  readonly name: string
  readonly shape: Shape
}

export interface SamFacts {
  readonly width: number
  readonly depth: number
  /** ViT-B, ViT-L or ViT-H, where width and depth are theirs. */
  readonly vit?: string
  /** Sides of a patch and of the grid of tokens. */
  readonly patch?: number
  readonly grid?: readonly [height: number, width: number]
  readonly windowSize?: number
  /** Counted from 0; known where the grid is. */
  readonly globalBlocks?: readonly number[]
  readonly maskTokens?: number
}

const registry: readonly (readonly [vit: string, width: number, depth: number])[] = [
  ["ViT-B", 768, 12],
  ["ViT-L", 1024, 24],
  ["ViT-H", 1280, 32],
]

/** A table of relative distances along a side of n tokens has 2n − 1 rows. */
export const rowsFor = (side: number): number => 2 * side - 1

/** Facts about the SAM that these tensors (in segment-anything's names) belong to; undefined if they are of no SAM. */
export const samFacts = (tensors: readonly Named[]): SamFacts | undefined => {
  const shapes = new Map(tensors.map(({ name, shape }) => [name, shape]))
  const blocks = tensors.flatMap(
    ({ name }) => /^image_encoder\.blocks\.(\d+)\.norm1\.weight$/.exec(name)?.slice(1) ?? [],
  )
  const width = shapes.get("image_encoder.blocks.0.norm1.weight")?.[0]
  if (width === undefined) return undefined
  const depth = blocks.length
  const patch = shapes.get("image_encoder.patch_embed.proj.weight")?.[2]
  const positions = shapes.get("image_encoder.pos_embed")
  const grid = positions?.length === 4 ? ([positions[1]!, positions[2]!] as const) : undefined
  const tables = Array.from({ length: depth }, (_, i) => shapes.get(`image_encoder.blocks.${i}.attn.rel_pos_h`)?.[0])
  const global = grid === undefined ? undefined : tables.flatMap((rows, i) => (rows === rowsFor(grid[0]) ? [i] : []))
  const windowed = tables.find((_, i) => global !== undefined && !global.includes(i))
  const vit = registry.find(([, w, d]) => w === width && d === depth)?.[0]
  const maskTokens = shapes.get("mask_decoder.mask_tokens.weight")?.[0]
  return {
    width,
    depth,
    ...(vit === undefined ? {} : { vit }),
    ...(patch === undefined ? {} : { patch }),
    ...(grid === undefined ? {} : { grid }),
    ...(windowed === undefined ? {} : { windowSize: (windowed + 1) / 2 }),
    ...(global === undefined || tables.includes(undefined) ? {} : { globalBlocks: global }),
    ...(maskTokens === undefined ? {} : { maskTokens }),
  }
}

/** The side of the image in pixels, as text: 1024, or height × width. */
export const imageSizeOf = ({ patch, grid }: SamFacts): string | undefined =>
  patch === undefined || grid === undefined
    ? undefined
    : grid[0] === grid[1]
      ? String(grid[0] * patch)
      : `${grid[0] * patch} × ${grid[1] * patch}`

/** "ViT-B (768 wide, 12 blocks)" */
export const encoderOf = ({ vit, width, depth }: SamFacts): string =>
  `${vit ?? "ViT"} (${width} wide, ${depth === 1 ? "1 block" : `${depth} blocks`})`

/** The table whose shape says how large the images are. */
export const positions = "image_encoder.pos_embed"
/** Constants of preprocessing that some files carry and no model learns. */
export const preprocessing: ReadonlySet<string> = new Set(["pixel_mean", "pixel_std"])
