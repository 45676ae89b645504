/** The licence of weights travels with them, where the file has a place for it: safetensors' and ONNX's metadata. */

/** As files that hasam writes call it. */
export const licenceKey = "hasam.licence"
/** As others call it; model cards on Hugging Face say "license". */
const keys = [licenceKey, "licence", "license"]

/** What a file's metadata says of its licence, in its own words; undefined where it says nothing. */
export const licenceOf = (metadata: Readonly<Record<string, string>>): string | undefined => {
  const said = new Map(Object.entries(metadata).map(([key, value]) => [key.toLowerCase(), value.trim()]))
  return keys.map((key) => said.get(key)).find((value) => value !== undefined && value !== "")
}

/** The same as metadata to write. */
export const licensed = (licence: string | undefined): Readonly<Record<string, string>> =>
  licence === undefined ? {} : { [licenceKey]: licence }
