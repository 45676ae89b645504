import { fileURLToPath } from "node:url"
import { expect, test } from "vitest"
import { Failed } from "../../src/compiler/diagnostic.ts"
import { sourceOf } from "../../src/runtime/segment/dicomSeg.ts"

const file = (name: string) => fileURLToPath(new URL(`../data/files/${name}`, import.meta.url))
test.each([
  ["regions.dcm", "no FrameOfReferenceUID, ImagePositionPatient, ImageOrientationPatient, PixelSpacing"],
  ["spacing.dcm", "no FrameOfReferenceUID, ImagePositionPatient, ImageOrientationPatient, StudyInstanceUID"],
  ["8of16.png", "it is no DICOM"],
])("HS4215: %s", async (name, why) => {
  const problem = await sourceOf(file(name)).then(
    () => undefined,
    (error: unknown) => error,
  )
  expect((problem as Failed).diagnostics[0]).toMatchObject({ code: "HS4215", message: expect.stringContaining(why) })
})
