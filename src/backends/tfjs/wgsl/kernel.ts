export interface WgslKernel {
  readonly name: string
}
