import { join } from "node:path"
import { fileName } from "../../compiler/report/escape.ts"
import { writeOnnx } from "../../runtime/onnxFile.ts"
import { talk } from "../output.ts"
import type { Lower } from "./target.ts"

/** One file that any onnxruntime segments with. */
export const onnxFile: Lower = async ({ name, data }, _, { out, batch = 1, weights }) => {
  const written = await writeOnnx(data, {
    batch,
    path: join(out, `${fileName(name)}.onnx`),
    ...(weights === undefined ? {} : { weights }),
  })
  for (const file of written) talk(`wrote ${file}`)
}
