/** runtime/weights/zipRead.ts in a page, which reads no archives: a .pth file is converted when the page is written. */
import { type Failed, failed } from "../../compiler/diagnostic.ts"
import type { Member } from "../../runtime/weights/zipRead.ts"

export const refuseArchive = (path: string, message: string): Failed =>
  failed(
    path,
    "HS3006",
    message,
    "Write the page with it, hasam-compile SPEC --target webgpu --weights FILE, or convert it with hasam weights export.",
  )
export const membersOf = async (_file: unknown, path: string): Promise<ReadonlyMap<string, Member>> => {
  throw refuseArchive(path, "it is an archive of PyTorch, which a page does not read")
}
