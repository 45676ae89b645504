import type { Explanation } from "./explanation.ts"

/** HS1xxx */
export const spec = {} as const satisfies Record<`HS1${number}`, Explanation>
