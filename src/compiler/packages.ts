/** Packages that hasam uses where they are installed: what each is for, and the line that brings it. Their versions stand in package.json. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Failed, failed } from "./diagnostic.ts"
import { packageRoot } from "./frontend/package.ts"

/** What a package is for, as the end of "… is needed to". */
const uses: Readonly<Record<string, string>> = {
  sharp: "read and write images",
  "onnxruntime-node": "run on the CPU engine",
  "onnxruntime-web": "run the CPU engine's programs without native code",
  "@tensorflow/tfjs-core": "run on WebGPU or WebAssembly",
  "@tensorflow/tfjs-backend-cpu": "run on WebGPU or WebAssembly",
  "@tensorflow/tfjs-backend-wasm": "run on WebAssembly",
  "@tensorflow/tfjs-backend-webgpu": "run on WebGPU",
  dcmjs: "write DICOM Segmentations",
  koffi: "call XLA's plugins",
  webgpu: "run on WebGPU outside a browser",
}

const versions: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(join(packageRoot, "package.json"), "utf8"),
).peerDependencies

/** name@version, as package.json asks for it. */
export const versioned = (name: string): string => `${name}@${versions[name] ?? "latest"}`

/** The line that brings these packages. */
export const bringing = (names: readonly string[]): string =>
  `npm install ${[...new Set(names)].map(versioned).join(" ")}`

/** What must be there together: tfjs is of no use in parts. */
export const together = (name: string): readonly string[] =>
  name.startsWith("@tensorflow/") ? Object.keys(versions).filter((one) => one.startsWith("@tensorflow/")) : [name]

/** The optional package that an import did not find. */
const notFound = (problem: unknown): string | undefined => {
  const { code, message = "" } = (problem ?? {}) as NodeJS.ErrnoException
  if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") return undefined
  const name = /Cannot find (?:package|module) '([^']+)'/.exec(message)?.[1]
  return name !== undefined && name in uses ? name : undefined
}

/** HS2520, with the line that brings the package. */
export const missing = (name: string): Failed =>
  failed(
    name,
    "HS2520",
    `the package '${name}' is not installed; it is needed to ${uses[name]}`,
    `Bring it: ${bringing(together(name))}`,
  )

/** An import's error as HS2520, with the line that brings what is missing; every other error as it is. */
export const explainMissing = (problem: unknown): unknown => {
  const name = problem instanceof Failed ? undefined : notFound(problem)
  return name === undefined ? problem : missing(name)
}
