import type { Program, Tensors } from "../compiler/ir/graph.ts"

/** A compiled program on a device. Its parameters and state stay there between runs. */
export interface Executable {
  /**
   * Parameters and initial state, by name; may be called again to replace some. With `give` the engine may take the memory over
   * instead of copying it: the arrays are not to be used afterwards.
   */
  load(tensors: Tensors, options?: { readonly give?: boolean }): Promise<void>
  /** One run: inputs that are not state by name → outputs that are not state by name. State advances. */
  run(inputs: Tensors): Promise<Tensors>
  /** Current values of state, by the name of the input or parameter that holds it. */
  read(names: readonly string[]): Promise<Tensors>
  /** Parameters and state that have not been loaded yet. Left out: all of them, at the beginning. */
  missing?(): readonly string[]
  dispose(): Promise<void>
}

/** A target that runs programs. */
export interface Backend {
  readonly name: string
  /**
   * `beside`: tensors that are loaded there, or will be, are this program's as well, state included: in memory once, and current. An engine
   * that cannot share loads its own; `missing` says what there is to load.
   */
  compile(program: Program, beside?: Executable): Promise<Executable>
}
