import type { Explanation } from "./explanation.ts"

/** HS3xxx */
export const weights = {} as const satisfies Record<`HS3${number}`, Explanation>
