/** The parts of dcmjs that are used: it has no types of its own. */
declare module "dcmjs" {
  type Named = Record<string, unknown>
  interface DicomDict {
    dict: Named
    meta: Named
    write(): ArrayBuffer
  }
  const dcmjs: {
    readonly data: {
      readonly DicomMessage: {
        readFile(
          bytes: ArrayBuffer,
          options?: {
            readonly untilTag?: string
            readonly includeUntilTagValue?: boolean
            readonly ignoreErrors?: boolean
          },
        ): DicomDict
      }
      readonly DicomMetaDictionary: {
        naturalizeDataset(dict: Named): Named
        denaturalizeDataset(dataset: Named): Named
      }
      readonly DicomDict: new (meta: Named) => DicomDict
    }
  }
  export default dcmjs
}
