/** What the operating system refuses, in words. */
import { own } from "../dsl/own.ts"

const because: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the quota is used up",
  EROFS: "the file system is read-only",
  EACCES: "permission is denied",
  EPERM: "permission is denied",
  EFBIG: "the file would be larger than the file system allows",
  EISDIR: "there is a folder of that name",
  EEXIST: "there is something else of that name",
  ENOTEMPTY: "the folder is not empty",
  EXDEV: "it would cross to another disk",
  EINVAL: "the system does not take such a path",
  ENOMEM: "the system has no memory left",
  ETIMEDOUT: "the system did not answer in time",
  ENODEV: "the device is gone",
  ENOTDIR: "a part of the path is a file, not a folder",
  ENOENT: "there is no such file or folder",
  EIO: "the device reports an input or output error",
  EMFILE: "too many files are open",
  ENFILE: "too many files are open on this machine",
  ELOOP: "the path goes in a circle",
  ENAMETOOLONG: "the name is too long",
  EBUSY: "something else uses it",
  ENXIO: "there is no such device",
  EPIPE: "its reader is gone",
  ESTALE: "the folder is gone on its server",
  ERR_INVALID_ARG_VALUE: "the path has a character that no path may have",
}

export const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | null)?.code

/** The operating system's error as half a sentence. */
export const reason = (error: unknown): string =>
  own(because, codeOf(error) ?? "") ?? (error instanceof Error ? error.message.split("\n")[0]! : String(error))
