/**
 * The compiler as a library. It prints nothing and never ends the process.
 *
 * @module compiler
 */
export { learningNames, type ModelTensor, tensorTable } from "./analysis/parameters.ts"
export { type Code, codes } from "./codes/index.ts"
export { type Compiled, type CompiledModel, type CompileOptions, compileSpecs, version } from "./compile.ts"
export { type Diagnostic, type Diagnostics, Failed } from "./diagnostic.ts"
export type { Graph, Program, Tensor, Tensors } from "./ir/graph.ts"
export { type ModelReport, Report } from "./report/report.ts"
