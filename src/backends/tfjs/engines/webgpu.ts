/** tfjs's WebGPU kernels on a device of our own, and our own kernels in the same command encoder. */
import type { TensorInfo } from "@tensorflow/tfjs-core"
import { sizeOf } from "../../../compiler/ir/graph.ts"
import { type DeviceOptions, type OwnDevice, openDevice } from "../device.ts"
import type { Attributes, Engine, Value } from "../kernels.ts"
import { limitDiagnostics, limitProblems } from "../limits.ts"
import type { TfjsKernel } from "../lower/shapes.ts"
import { dispatchOf, keyOfKernel, type WgslKernel, wgslOf } from "../wgsl/kernel.ts"

/**
 * What we use of tfjs's WebGPUBackend. Private in its types are `commandEncoder`, where its kernels are encoded,
 * `commandQueueOwnedIds`, which keeps a buffer from being reused before its commands are submitted,
 * `tensorDataPendingDisposal`, those that wait for it, and the pool's list.
 * tfjs 4.22 is the last version that there will be, so they stay.
 */
interface TfjsWebGpu {
  readonly tensorMap: { get(id: object): { resource?: GPUBuffer } }
  readonly commandEncoder: GPUCommandEncoder
  readonly commandQueueOwnedIds: WeakSet<object>
  readonly tensorDataPendingDisposal: readonly object[]
  /** Its pool keeps every buffer that was ever needed at once. */
  readonly bufferManager: {
    readonly freeBuffers: Map<string, GPUBuffer[]>
    numBytesAllocated: number
    numFreeBuffers: number
  }
  ensureCommandEncoderReady(): void
  endComputePassEncoder(): void
  submitQueue(): void
  uploadToGPU(id: object): void
  makeTensorInfo(shape: number[], dtype: "float32"): TensorInfo
  getBufferData(buffer: GPUBuffer): Promise<ArrayBuffer>
}

/** Bytes that may wait for a submission before they are free; tfjs would let fifteen ops' buffers wait, however large. */
const mostWaiting = 32 * 2 ** 20

const matmulFlag = "WEBGPU_MATMUL_PROGRAM_TYPE"
/** tfjs's numbers for its programs of a matrix product. */
const programs = { reduce: 0, packed: 3, smallOutput: 2 } as const

/**
 * Which program tfjs should multiply with, where its own choice would be wrong. It splits the long inner axis of a single
 * product and adds the parts with atomics: with a bias the result is wrong without any error (every MLP of a mask decoder),
 * without one it is added up in another order each time. Its other programs take these products.
 */
const matmulProgram = (
  kernel: TfjsKernel,
  inputs: Readonly<Record<string, Value>>,
  attrs: Attributes,
  fewWorkgroups: number,
): number | undefined => {
  // A convolution may become a product of all that one result sees.
  if (kernel === "Conv2D") return sizeOf(inputs.filter!.shape.slice(0, 3)) >= splitFrom ? programs.packed : undefined
  if (kernel !== "BatchMatMul" && kernel !== "_FusedMatMul") return undefined
  const [a, b] = [inputs.a!.shape, inputs.b!.shape]
  if (Math.max(a[0]!, b[0]!) > 1 || b[attrs.transposeB ? 2 : 1]! < splitFrom) return undefined
  const [m, n] = [a[attrs.transposeA ? 2 : 1]!, b[attrs.transposeB ? 1 : 2]!]
  const workgroups = Math.ceil(m / 32) * Math.ceil(n / 32)
  if (workgroups > fewWorkgroups && !(m <= 8 && workgroups <= 2 * fewWorkgroups)) return programs.packed
  return m * n <= 128 ? programs.reduce : programs.smallOutput
}
/** Inner extents from here on are split by tfjs 4.22. */
const splitFrom = 2000

export interface WebGpuEngine extends Engine {
  readonly own: NonNullable<Engine["own"]>
  readonly device: OwnDevice
  /** Bytes in the buffers that tfjs holds now, those in its pool included. */
  readonly allocated: () => number
}

export const openWebGpu = async (gpu: GPU | undefined, options: DeviceOptions = {}): Promise<WebGpuEngine> => {
  const owned = await openDevice(gpu, options)
  const { device, limits, guarded } = owned
  const [core, { WebGPUBackend }] = await Promise.all([
    import("@tensorflow/tfjs-core"),
    import("@tensorflow/tfjs-backend-webgpu"),
  ])
  const backend = new WebGPUBackend(device, owned.info)
  const tfjs = backend as unknown as TfjsWebGpu
  const pipelines = new Map<string, GPUComputePipeline>()

  const pipelineOf = (kernel: WgslKernel): GPUComputePipeline => {
    const key = keyOfKernel(kernel)
    const known = pipelines.get(key)
    if (known) return known
    const code = wgslOf(kernel, limits.maxComputeWorkgroupsPerDimension)
    const pipeline = device.createComputePipeline({
      label: kernel.name,
      layout: "auto",
      compute: { module: device.createShaderModule({ label: kernel.name, code }), entryPoint: "main" },
    })
    pipelines.set(key, pipeline)
    return pipeline
  }

  const own = (kernel: WgslKernel, inputs: readonly Value[]): readonly Value[] => {
    if (inputs.length !== kernel.inputs.length)
      throw new Error(`internal: ${kernel.name} takes ${kernel.inputs.length} tensors, not ${inputs.length}`)
    const pipeline = pipelineOf(kernel)
    const outputs = kernel.outputs.map(({ shape }) => tfjs.makeTensorInfo([...shape], "float32"))
    const all = [...inputs, ...outputs]
    for (const { dataId } of all) tfjs.uploadToGPU(dataId)
    tfjs.ensureCommandEncoderReady()
    tfjs.endComputePassEncoder()
    const pass = tfjs.commandEncoder.beginComputePass()
    pass.setPipeline(pipeline)
    const entries = all.map(({ dataId, shape }, binding) => ({
      binding,
      resource: { buffer: tfjs.tensorMap.get(dataId).resource!, size: 4 * sizeOf(shape) },
    }))
    pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }))
    pass.dispatchWorkgroups(...dispatchOf(kernel.groups, limits.maxComputeWorkgroupsPerDimension))
    pass.end()
    for (const { dataId } of all) tfjs.commandQueueOwnedIds.add(dataId)
    return outputs
  }

  const submit = () => {
    tfjs.endComputePassEncoder()
    tfjs.ensureCommandEncoderReady()
    tfjs.submitQueue()
  }

  return {
    name: "webgpu",
    backend,
    f16: owned.f16,
    problemsOf: (program) => limitDiagnostics(limitProblems(program, limits)),
    workgroupBytes: limits.maxComputeWorkgroupStorageSize,
    device: owned,
    own,
    keepsArrays: false,
    around: (kernel, inputs, attrs, call) => {
      const program = matmulProgram(kernel, inputs, attrs, backend.thresholdToIncreaseWorkgroups)
      if (program === undefined) return call()
      // The flag belongs to all of tfjs, and calls return at once: nobody else sees it.
      const before = core.env().get(matmulFlag) as number
      core.env().set(matmulFlag, program)
      try {
        return call()
      } finally {
        core.env().set(matmulFlag, before)
      }
    },
    between: () => {
      const waiting = tfjs.tensorDataPendingDisposal.map((id) => tfjs.tensorMap.get(id).resource?.size ?? 0)
      if (waiting.reduce((sum, bytes) => sum + bytes, 0) > mostWaiting) submit()
    },
    trim: () => {
      const { bufferManager: pool } = tfjs
      for (const buffers of pool.freeBuffers.values())
        for (const buffer of buffers.splice(0)) {
          pool.numBytesAllocated -= buffer.size
          pool.numFreeBuffers--
          buffer.destroy()
        }
    },
    // On the device before a kernel sees it: tfjs would compute with small tensors on this side.
    settle: ({ dataId }) => tfjs.uploadToGPU(dataId),
    guarded: async (work) =>
      guarded(() => {
        const result = work()
        submit()
        return result
      }) as never,
    // Not backend.read, which keeps a copy on this side for as long as the tensor lives.
    read: async ({ dataId, shape }) => {
      const buffer = tfjs.tensorMap.get(dataId).resource
      if (!buffer) throw new Error("internal: a result is not on the device")
      const bytes = await guarded(() => tfjs.getBufferData(buffer))
      return new Float32Array(bytes, 0, sizeOf(shape))
    },
    count: () => backend.numDataIds(),
    allocated: () => backend.memory().numBytesAllocatedInGPU,
    dispose: async () => {
      backend.dispose()
      owned.close()
    },
  }
}
