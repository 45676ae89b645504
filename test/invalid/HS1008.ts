import { uniform } from "hasam"

export const ranks = uniform(12, 8)
