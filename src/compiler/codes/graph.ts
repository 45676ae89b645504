import type { Explanation } from "./explanation.ts"

/** HS2xxx */
export const graph = {} as const satisfies Record<`HS2${number}`, Explanation>
