/** What the page and its worker say to one another. */

import type { ModelFile } from "../../runtime/browser/modelFile.ts"
import type { Question } from "../../runtime/browser/question.ts"
import type { Answer } from "../../runtime/browser/segmenter.ts"
import type { Raster } from "../../runtime/data/raster.ts"

export type Asked =
  /** Opens the model that lies at `base`. */
  | { readonly kind: "open"; readonly base: string; readonly engine: "best" | "wasm" }
  | { readonly kind: "weights"; readonly name: string; readonly bytes: Uint8Array }
  | { readonly kind: "see"; readonly image: Raster }
  | { readonly kind: "ask"; readonly id: number; readonly question: Question }

export type Told =
  /** `share`: how much is done, 0…1, where it is known. */
  | { readonly kind: "progress"; readonly text: string; readonly share?: number }
  | { readonly kind: "opened"; readonly file: ModelFile; readonly engine: string; readonly why?: string }
  | { readonly kind: "loaded"; readonly name: string }
  | { readonly kind: "seen"; readonly seconds: number }
  | {
      readonly kind: "answered"
      readonly id: number
      readonly answers: readonly Answer[]
      readonly seconds: number
      /** So far: times that the image went through the network, and questions that were answered. */
      readonly runs: { readonly image: number; readonly questions: number }
    }
  | {
      readonly kind: "failed"
      readonly during: Asked["kind"]
      readonly message: string
      readonly help?: string
      /** The GPU is what failed: without it there is a way on. */
      readonly device: boolean
    }
