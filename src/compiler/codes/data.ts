import type { Explanation } from "./explanation.ts"

/** HS4xxx: files, data sets, images, splits, prompts, results. */
export const data = {
  HS4001: {
    title: "a file cannot be written",
    cause: "The disk is full, the folder is read-only, or permission is denied. What was there before is unchanged.",
    cure: "Free space, or choose another place.",
  },
  HS4002: {
    title: "a file or folder cannot be read",
    cause: "It does not exist, or permission is denied.",
    cure: "Check the path and its permissions.",
  },
} as const satisfies Record<`HS4${number}`, Explanation>
