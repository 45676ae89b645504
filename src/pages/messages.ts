/** What a page and its worker say to one another. */

import type {
  Answer,
  DataFile,
  DataReport,
  KeptTraining,
  ModelFile,
  Question,
  Raster,
  TrainEvent,
  TrainRequest,
} from "../runtime/browser/index.ts"
import type { Spacing } from "../runtime/data/images/stored.ts"

export type Asked =
  /** Opens the model that lies at `base`. */
  | { readonly kind: "open"; readonly base: string; readonly engine: "best" | "wasm" }
  | { readonly kind: "weights"; readonly name: string; readonly file: Blob }
  /** A file, or pixels that were read before: then only the model looks at them. */
  | { readonly kind: "see"; readonly id: number; readonly name: string; readonly file: Blob }
  | { readonly kind: "ask"; readonly id: number; readonly question: Question }
  /** What a click would give: asked while the pointer moves, and no question of the user's. */
  | { readonly kind: "preview"; readonly id: number; readonly question: Question }
  /** What this browser keeps of the model: data, a training, images with masks that were drawn. */
  | { readonly kind: "kept" }
  /** Keeps an image with the mask that was drawn, to train on. */
  | { readonly kind: "keep"; readonly name: string; readonly image: Blob; readonly mask: Blob }
  | { readonly kind: "drawn" }
  /** Makes what was drawn the data. */
  | { readonly kind: "take drawn" }
  | { readonly kind: "forget drawn" }
  | { readonly kind: "give"; readonly name: string; readonly files: readonly DataFile[] }
  | { readonly kind: "check" }
  | { readonly kind: "train"; readonly request: Omit<TrainRequest, "on" | "signal"> }
  | { readonly kind: "pause" }
  | { readonly kind: "results" }
  | { readonly kind: "forget" }

/** An image as it was read, and what its file says of it. */
export interface Read {
  readonly name: string
  readonly raster: Raster
  readonly format: string
  readonly spacing?: Spacing
}

export type Told =
  /** `share`: how much is done, 0…1, where it is known. */
  | { readonly kind: "progress"; readonly text: string; readonly share?: number }
  | { readonly kind: "opened"; readonly file: ModelFile; readonly engine: string; readonly why?: string }
  | { readonly kind: "loaded"; readonly name: string }
  | { readonly kind: "read"; readonly id: number; readonly image: Read }
  | { readonly kind: "seen"; readonly id: number; readonly seconds: number }
  | {
      readonly kind: "answered"
      readonly id: number
      readonly answers: readonly Answer[]
      readonly seconds: number
      /** So far: times that the image went through the network, and questions that were answered. */
      readonly runs: { readonly image: number; readonly questions: number }
    }
  | { readonly kind: "previewed"; readonly id: number; readonly answers: readonly Answer[]; readonly seconds: number }
  /** `elsewhere`: what another tab does with it, in words. */
  | { readonly kind: "kept"; readonly kept?: KeptTraining; readonly elsewhere?: string }
  | { readonly kind: "drawn"; readonly count: number; readonly name?: string }
  | { readonly kind: "checked"; readonly report: DataReport }
  | { readonly kind: "training"; readonly event: TrainEvent }
  | { readonly kind: "ended"; readonly finished: boolean }
  | { readonly kind: "results"; readonly learned?: Blob; readonly split?: Blob }
  | {
      readonly kind: "failed"
      readonly during: Asked["kind"]
      readonly message: string
      readonly help?: string
      /** The GPU is what failed: without it there is a way on. */
      readonly device: boolean
    }
