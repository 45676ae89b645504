import { freezeAll, samVitB } from "hasam"

declare const process: { exit(code: number): void }
process.exit(0)

export const model = freezeAll(samVitB)
