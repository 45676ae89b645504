import { pipe, samVitB } from "hasam"

import { missing } from "./not-there.ts"

export const model = pipe(samVitB, missing)
