import { join } from "node:path"
import { fileName } from "../../compiler/report/escape.ts"
import { writeOnnx } from "../../runtime/onnxFile.ts"
import { talk } from "../output.ts"
import type { Lower } from "./target.ts"

/** One file that any onnxruntime segments with. */
export const onnxFile: Lower = async ({ name, data }, _, { out, batch, weights, licence, asks }) => {
  const { paths, notes } = await writeOnnx(data, {
    path: join(out, `${fileName(name)}.onnx`),
    ...(batch === undefined ? {} : { batch }),
    ...(weights === undefined ? {} : { weights }),
    ...(licence === undefined ? {} : { licence }),
    ...(asks === undefined ? {} : { asks }),
  })
  for (const note of notes) talk(`note: ${note}`)
  for (const file of paths) talk(`wrote ${file}`)
}
