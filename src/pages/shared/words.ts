/** Numbers as a person reads them. */

/** "1 epoch", "1,200 epochs". */
export const plural = (n: number, one: string, many = `${one}s`): string =>
  `${n.toLocaleString("en")} ${n === 1 ? one : many}`

/** Seconds. */
export const timeText = (seconds: number): string =>
  seconds < 1 ? `${Math.round(1000 * seconds)} ms` : `${seconds.toFixed(1)} s`

/** What it runs on. */
export const engineText = (engine: string, why?: string): string =>
  engine === "webgpu"
    ? "Runs on the GPU (WebGPU)."
    : `Runs on the processor (WebAssembly), slower than on a GPU.${why === undefined ? "" : ` Why: ${why}.`}`

/** A failure as sentences. */
export const wordsOf = ({ message, help }: { readonly message: string; readonly help?: string }): string =>
  `${message}${/[.!?]$/.test(message) ? "" : "."} ${help ?? ""}`.trim()
