/** node:crypto's hashes, which pages need while they compute: the browser's own are asynchronous and want all bytes at once. */
import { sha1 } from "@noble/hashes/legacy.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex } from "@noble/hashes/utils.js"
import { Buffer } from "buffer"

const known = { sha1, sha256 } as const

export const createHash = (name: keyof typeof known) => {
  const hash = known[name].create()
  const own = {
    update: (data: string | Uint8Array) => {
      hash.update(typeof data === "string" ? new TextEncoder().encode(data) : data)
      return own
    },
    digest: (encoding: "hex" | "base64") => {
      const bytes = hash.digest()
      return encoding === "hex" ? bytesToHex(bytes) : Buffer.from(bytes).toString("base64")
    },
  }
  return own
}
export const randomUUID = (): string => crypto.randomUUID()
export default { createHash, randomUUID }
