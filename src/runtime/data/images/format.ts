/** Which files are images: by their names when a folder is listed, by their first bytes when one is read. */
import { extname } from "node:path"

export type Format = "png" | "jpeg" | "tiff" | "webp" | "gif" | "bmp" | "dicom" | "nifti"

const endings: Readonly<Record<Format, RegExp>> = {
  png: /\.png$/i,
  jpeg: /\.(jpe?g|jpe|jfif)$/i,
  tiff: /\.tiff?$/i,
  webp: /\.webp$/i,
  gif: /\.gif$/i,
  bmp: /\.(bmp|dib)$/i,
  dicom: /\.(dcm|dicom|ima)$/i,
  nifti: /\.nii(\.gz)?$/i,
}

/** Images of other formats, by the endings of their names: told by name where they lie among images. */
const others: Readonly<Record<string, string>> = {
  ".jp2": "JPEG 2000",
  ".j2k": "JPEG 2000",
  ".jpx": "JPEG 2000",
  ".jpf": "JPEG 2000",
  ".jxl": "JPEG XL",
  ".heic": "HEIC",
  ".heif": "HEIC",
  ".avif": "AVIF",
  ".pgm": "PGM",
  ".ppm": "PPM",
  ".pbm": "PBM",
  ".pnm": "PNM",
  ".mha": "MetaImage",
  ".mhd": "MetaImage",
  ".nrrd": "NRRD",
  ".nhdr": "NRRD",
  ".hdr": "Analyze",
  ".img": "Analyze",
  ".mat": "MATLAB",
  ".npy": "NumPy",
  ".npz": "NumPy",
  ".h5": "HDF5",
  ".hdf5": "HDF5",
  ".psd": "Photoshop",
  ".svg": "SVG",
  ".pdf": "PDF",
  ".exr": "OpenEXR",
  ".raw": "raw",
  ".svs": "Aperio",
  ".mp4": "video",
  ".avi": "video",
  ".mov": "video",
  ".mkv": "video",
}

/** What is read, as sentences say it. */
export const readFormats = "PNG, JPEG, TIFF, BMP, WebP, GIF, DICOM and NIfTI"

/** Endings of files that are taken for images when a folder is read. */
export const isImageName = (name: string): boolean => Object.values(endings).some((ending) => ending.test(name))

/** The format of an image that is not read, by its name. */
export const unreadFormat = (name: string): string | undefined => {
  const ending = extname(name).toLowerCase()
  return Object.hasOwn(others, ending) ? others[ending] : undefined
}

/** Documents and videos lie beside images; they are nobody's image or mask. */
const beside = ["PDF", "SVG", "video", "MATLAB", "HDF5", "Photoshop", "raw"]

/** Read or not: what has such a name is somebody's image or mask, and is told by name if it cannot be read. */
export const isPictureName = (name: string): boolean =>
  isImageName(name) || !beside.includes(unreadFormat(name) ?? "PDF")

/** A name as it is compared with others: Macs write an umlaut as two characters, others as one. */
export const spelled = (name: string): string => name.normalize("NFC")

/** A name without its ending; of "a.nii.gz" both. */
export const stem = (name: string): string =>
  /\.nii\.gz$/i.test(name) ? name.slice(0, -7) : name.slice(0, name.length - extname(name).length)

const ascii = (bytes: Buffer, from: number, text: string) =>
  bytes.length >= from + text.length && bytes.toString("latin1", from, from + text.length) === text

/** By content. A name does not matter: JPEG files named .png are common. */
export const formatOf = (bytes: Buffer, name: string): Format | undefined => {
  if (ascii(bytes, 128, "DICM")) return "dicom"
  if (ascii(bytes, 0, "\x89PNG")) return "png"
  if (ascii(bytes, 0, "\xff\xd8\xff")) return "jpeg"
  if (["II*\0", "MM\0*", "II+\0", "MM\0+"].some((mark) => ascii(bytes, 0, mark))) return "tiff"
  if (ascii(bytes, 0, "RIFF") && ascii(bytes, 8, "WEBP")) return "webp"
  if (ascii(bytes, 0, "GIF8")) return "gif"
  if (ascii(bytes, 344, "n+1\0") || ascii(bytes, 4, "n+2\0")) return "nifti"
  if (ascii(bytes, 0, "\x1f\x8b") && endings.nifti.test(name)) return "nifti"
  return ascii(bytes, 0, "BM") ? "bmp" : undefined
}

/** Formats that are told by name, by content. */
export const otherFormatOf = (bytes: Buffer): string | undefined => {
  // Group 2 with its length, or group 8 at once: data elements without the 132 bytes that a DICOM file begins with.
  const groupEight = bytes.length > 4 && bytes.readUInt16LE(0) === 8 && bytes.readUInt16LE(2) <= 0x20
  if (groupEight || ascii(bytes, 0, "\x02\0\0\0UL\x04\0")) return "headerless DICOM"
  if (ascii(bytes, 4, "jP  ") || ascii(bytes, 0, "\xff\x4f\xff\x51")) return "JPEG 2000"
  if (ascii(bytes, 4, "ftyp")) return ascii(bytes, 8, "avif") ? "AVIF" : ascii(bytes, 8, "hei") ? "HEIC" : "video"
  if (/^P[1-7]\s/.test(bytes.toString("latin1", 0, 3))) return "PNM"
  if (ascii(bytes, 0, "NRRD")) return "NRRD"
  if (ascii(bytes, 0, "ObjectType")) return "MetaImage"
  if (ascii(bytes, 0, "\x93NUMPY")) return "NumPy"
  if (ascii(bytes, 0, "MATLAB")) return "MATLAB"
  if (ascii(bytes, 0, "\x89HDF")) return "HDF5"
  if (ascii(bytes, 0, "%PDF")) return "PDF"
  if (ascii(bytes, 0, "8BPS")) return "Photoshop"
  return undefined
}
