/**
 * Masks as a DICOM Segmentation (PS3.3 A.51, C.8.20): binary, a segment and a frame for each object or class, in the frame of reference of the image. It is
 * written only where the image says where it lies in the patient; nothing is invented. dcmjs reads the image's header and writes the file.
 */
import { createHash } from "node:crypto"
import { version } from "../../compiler/compile.ts"
import { failed } from "../../compiler/diagnostic.ts"
import { imageBytes } from "../data/images/bounds.ts"
import { formatOf } from "../data/images/format.ts"
import type { Labelled } from "./outputs.ts"

/** Segmentation Storage. */
const segmentation = "1.2.840.10008.5.1.4.1.1.66.4"

type Named = Readonly<Record<string, unknown>>

/** What a segmentation takes from its image, as dcmjs names it. */
export interface Source {
  readonly header: Named
  readonly position: readonly number[]
  readonly orientation: readonly number[]
  readonly spacing: readonly number[]
}

const numbers = (value: unknown, count: number): readonly number[] | undefined => {
  const list = (Array.isArray(value) ? value : []).map(Number)
  return list.length === count && list.every(Number.isFinite) ? list : undefined
}

const library = async () => (await import("dcmjs")).default.data

/** Where an image lies in the patient. Throws HS4215 where its file does not say it, HS2520 without dcmjs. */
export const sourceOf = async (path: string): Promise<Source> => {
  const bytes = await imageBytes(path)
  const refuse = (why: string, help: string) =>
    failed(path, "HS4215", `there can be no DICOM Segmentation of it: ${why}`, help)
  if (formatOf(bytes, path) !== "dicom")
    throw refuse("it is no DICOM", "Write plain masks: leave --format out, or give --format nifti.")
  const { DicomMessage, DicomMetaDictionary } = await library()
  const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
  const read = DicomMessage.readFile(copy, { untilTag: "7FE00010", includeUntilTagValue: false, ignoreErrors: true })
  const header = DicomMetaDictionary.naturalizeDataset(read.dict)
  const [position, orientation, spacing] = [
    numbers(header["ImagePositionPatient"], 3),
    numbers(header["ImageOrientationPatient"], 6),
    numbers(header["PixelSpacing"], 2),
  ]
  const lacking = [
    ["FrameOfReferenceUID", header["FrameOfReferenceUID"]],
    ["ImagePositionPatient", position],
    ["ImageOrientationPatient", orientation],
    ["PixelSpacing", spacing],
    ...["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"].map((name) => [name, header[name]]),
  ].flatMap(([name, value]) => (value === undefined || value === "" ? [String(name)] : []))
  if (position === undefined || orientation === undefined || spacing === undefined || lacking.length > 0)
    throw refuse(
      `its file does not say where it lies in the patient (no ${lacking.join(", ")})`,
      "Write plain masks, with --format png or nifti; ultrasound seldom has a frame of reference.",
    )
  return { header, position, orientation, spacing }
}

/** A UID of what it stands for (PS3.5 B.2): the same masks of the same image are the same instance. */
const uidOf = (...parts: readonly (string | Uint8Array)[]): string => {
  const hash = createHash("sha256")
  for (const part of parts) hash.update(part).update("\0")
  return `2.25.${BigInt(`0x${hash.digest("hex").slice(0, 32)}`)}`
}

/** Frames of 0 and 1 as bits, the first pixel in the lowest; frames follow one another without a gap (PS3.5 8.1.1). */
const packed = (frames: readonly Uint8Array[]): Uint8Array => {
  const size = frames.reduce((sum, { length }) => sum + length, 0)
  const out = new Uint8Array(2 * Math.ceil(size / 16))
  let at = 0
  for (const frame of frames)
    for (const value of frame) {
      if (value !== 0) out[at >> 3]! |= 1 << (at & 7)
      at += 1
    }
  return out
}

const code = (value: string, meaning: string) => ({
  CodeValue: value,
  CodingSchemeDesignator: "SCT",
  CodeMeaning: meaning,
})
/** What is segmented is not known; of the codes that fit everything, the one that other programs write. */
const tissue = code("85756007", "Tissue")

const pad = (n: number): string => `${n}`.padStart(2, "0")
const patient = [
  ...["PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime"],
  ...["ReferringPhysicianName", "StudyID", "AccessionNumber", "StudyDescription", "FrameOfReferenceUID"],
  "PositionReferenceIndicator",
] as const

/** The file's bytes. `labels` are what the segments are called; `prompted`: a person said where. */
export const dicomSegBytes = async (
  { header, position, orientation, spacing }: Source,
  { labels: { width, height }, found }: Labelled,
  { classNames, prompted }: { readonly classNames?: readonly string[] | undefined; readonly prompted: boolean },
): Promise<Buffer> => {
  const { DicomDict, DicomMetaDictionary } = await library()
  const pixels = packed(found.map(({ mask }) => mask.data))
  const labels = found.map(({ label }) => classNames?.[label] ?? (found.length === 1 ? "object" : `object ${label}`))
  const source = String(header["SOPInstanceUID"])
  const instance = uidOf("hasam", source, labels.join(","), pixels)
  const now = new Date()
  const date = `${now.getFullYear()}${pad(now.getMonth() + 1)}${pad(now.getDate())}`
  const time = `${pad(now.getHours())}${pad(now.getMinutes())}${pad(now.getSeconds())}`
  const image = { ReferencedSOPClassUID: header["SOPClassUID"], ReferencedSOPInstanceUID: source }
  const purpose = {
    CodeValue: "121322",
    CodingSchemeDesignator: "DCM",
    CodeMeaning: "Source image for image processing operation",
  }
  const derivation = { CodeValue: "113076", CodingSchemeDesignator: "DCM", CodeMeaning: "Segmentation" }
  const dimensions = uidOf("hasam", "dimensions", source)
  const dataset = {
    ...Object.fromEntries(patient.map((name) => [name, header[name] ?? ""])),
    // dcmjs writes text in UTF-8.
    SpecificCharacterSet: "ISO_IR 192",
    SOPClassUID: segmentation,
    SOPInstanceUID: instance,
    Modality: "SEG",
    SeriesInstanceUID: uidOf("hasam", String(header["SeriesInstanceUID"]), labels.join(",")),
    SeriesNumber: 100 + (Number(header["SeriesNumber"]) || 0),
    InstanceNumber: Number(header["InstanceNumber"]) || 1,
    SeriesDescription: "Segmentation by hasam",
    Manufacturer: "hasam",
    ManufacturerModelName: "hasam segment",
    DeviceSerialNumber: "1",
    SoftwareVersions: version,
    ContentDate: date,
    ContentTime: time,
    ImageType: ["DERIVED", "PRIMARY"],
    ContentLabel: "SEGMENTATION",
    ContentDescription: "",
    ContentCreatorName: "",
    SamplesPerPixel: 1,
    PhotometricInterpretation: "MONOCHROME2",
    Rows: height,
    Columns: width,
    BitsAllocated: 1,
    BitsStored: 1,
    HighBit: 0,
    PixelRepresentation: 0,
    LossyImageCompression: header["LossyImageCompression"] === "01" ? "01" : "00",
    SegmentationType: "BINARY",
    NumberOfFrames: found.length,
    SegmentSequence: labels.map((label, i) => ({
      SegmentNumber: i + 1,
      SegmentLabel: label,
      SegmentAlgorithmType: prompted ? "SEMIAUTOMATIC" : "AUTOMATIC",
      SegmentAlgorithmName: `hasam ${version}`,
      SegmentedPropertyCategoryCodeSequence: [tissue],
      SegmentedPropertyTypeCodeSequence: [tissue],
    })),
    DimensionOrganizationSequence: [{ DimensionOrganizationUID: dimensions }],
    DimensionIndexSequence: [
      {
        DimensionOrganizationUID: dimensions,
        DimensionIndexPointer: 0x0062000b,
        FunctionalGroupPointer: 0x0062000a,
        DimensionDescriptionLabel: "Segment Number",
      },
    ],
    SharedFunctionalGroupsSequence: [
      {
        PlaneOrientationSequence: [{ ImageOrientationPatient: orientation }],
        PlanePositionSequence: [{ ImagePositionPatient: position }],
        PixelMeasuresSequence: [
          { PixelSpacing: spacing, SliceThickness: Number(header["SliceThickness"]) || spacing[0] },
        ],
      },
    ],
    PerFrameFunctionalGroupsSequence: found.map((_, i) => ({
      FrameContentSequence: [{ DimensionIndexValues: [i + 1] }],
      SegmentIdentificationSequence: [{ ReferencedSegmentNumber: i + 1 }],
      DerivationImageSequence: [
        {
          DerivationCodeSequence: [derivation],
          SourceImageSequence: [
            { ...image, SpatialLocationsPreserved: "YES", PurposeOfReferenceCodeSequence: [purpose] },
          ],
        },
      ],
    })),
    ReferencedSeriesSequence: [{ SeriesInstanceUID: header["SeriesInstanceUID"], ReferencedInstanceSequence: [image] }],
    PixelData: [pixels.buffer],
    _vrMap: { PixelData: "OB" },
  }
  const meta = {
    FileMetaInformationVersion: new Uint8Array([0, 1]).buffer,
    MediaStorageSOPClassUID: segmentation,
    MediaStorageSOPInstanceUID: instance,
    TransferSyntaxUID: "1.2.840.10008.1.2.1",
    ImplementationClassUID: uidOf("hasam"),
    ImplementationVersionName: `HASAM ${version}`.slice(0, 16),
  }
  const file = new DicomDict(DicomMetaDictionary.denaturalizeDataset(meta))
  file.dict = DicomMetaDictionary.denaturalizeDataset(dataset)
  return Buffer.from(file.write())
}
