/**
 * Families of models whose checkpoints are known by their names: conventions of names, what shapes say, why two do not fit. SAM's is the
 * only one so far; the rest of this folder asks here and names none.
 */
export { architectureCauses } from "./sam/causes.ts"
export { type Named, positions, preprocessing, rowsFor } from "./sam/facts.ts"
export { factLines, type Inspected, inspected, kindOf } from "./sam/inspection.ts"
export { type Convention, conventionOf, huggingFaceNames, nameless, ourNames, wrapperOf } from "./sam/names.ts"
