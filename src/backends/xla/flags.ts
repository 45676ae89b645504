/** How programs are compiled: options of one compilation, and XLA's flags, which a process reads once. */

/** CompileOptionsProto: executable_build_options (3) with num_replicas (4) and num_partitions (5). */
export const compileOptions = (replicas: number): Buffer => Buffer.from([0x1a, 4, 0x20, replicas, 0x28, 1])

/** The folder of ptxas, nvlink and libdevice, where it is known. */
export interface Toolkit {
  readonly root: string
  /** Folders of libraries: cuDNN, cuBLAS … */
  readonly libraries: readonly string[]
}

/**
 * Results are the same from run to run, on one device: no operation that adds in another order each time, and no choice of kernels by
 * measuring them. Products are cuBLAS's: of XLA's own kernels those that are allowed then do not compile for every shape ("No supported
 * config found", seen with jax-cuda13-pjrt 0.11.2). What the user set comes last, and so prevails.
 */
export const xlaFlags = (toolkit: Toolkit | undefined, env: NodeJS.ProcessEnv): string =>
  [
    "--xla_gpu_deterministic_ops=true",
    "--xla_gpu_enable_triton_gemm=false",
    ...(toolkit === undefined ? [] : [`--xla_gpu_cuda_data_dir=${toolkit.root}`]),
    ...(env["XLA_FLAGS"] === undefined ? [] : [env["XLA_FLAGS"]]),
  ].join(" ")

/** The process's environment. Libraries beside the plugin are found before those of the system. */
export const childEnvironment = (toolkit: Toolkit | undefined, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...env,
  XLA_FLAGS: xlaFlags(toolkit, env),
  TF_CPP_MIN_LOG_LEVEL: env["TF_CPP_MIN_LOG_LEVEL"] ?? "1",
  ...(toolkit === undefined
    ? {}
    : {
        LD_LIBRARY_PATH: [...toolkit.libraries, env["LD_LIBRARY_PATH"]].filter(Boolean).join(":"),
        // A ptxas on the PATH would be taken before this one.
        PATH: [`${toolkit.root}/bin`, env["PATH"]].filter(Boolean).join(":"),
      }),
})
