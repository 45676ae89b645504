import type { Explanation } from "./explanation.ts"

/** HS5xxx */
export const run = {} as const satisfies Record<`HS5${number}`, Explanation>
