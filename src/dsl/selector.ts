/** Which tensors a rule means. No substrings, no patterns: parts, blocks, modules and tensors by their whole names. */
export type Selector =
  | { readonly kind: "all" }
  | { readonly kind: "part"; readonly part: string }
  | { readonly kind: "blocks"; readonly blocks: readonly number[]; readonly module?: string }
  | { readonly kind: "module"; readonly path: string }
  | { readonly kind: "tensor"; readonly name: string }
  | { readonly kind: "adaptation"; readonly index: number }
