import type { Explanation } from "./explanation.ts"

/** HS4xxx */
export const data = {} as const satisfies Record<`HS4${number}`, Explanation>
