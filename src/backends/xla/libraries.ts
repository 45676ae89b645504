/** NVIDIA's libraries that XLA's CUDA plugin loads, and who brings them: the packages of PyPI that `jax-cuda13-plugin[with-cuda]` asks for. */

const packages: readonly (readonly [begins: string, from: string])[] = [
  ["libcudart", "nvidia-cuda-runtime"],
  ["libcublas", "nvidia-cublas"],
  ["libcudnn", "nvidia-cudnn-cu13"],
  ["libcufft", "nvidia-cufft"],
  ["libcusolver", "nvidia-cusolver"],
  ["libcusparse", "nvidia-cusparse"],
  ["libcupti", "nvidia-cuda-cupti"],
  ["libnvJitLink", "nvidia-nvjitlink"],
  ["libnvrtc", "nvidia-cuda-nvrtc"],
  ["libnvvm", "nvidia-nvvm"],
  ["libnccl", "nvidia-nccl-cu13"],
  ["libnvshmem", "nvidia-nvshmem-cu13"],
]

/** The cure, where a message of the system's loader says which of them is missing. */
export const missingLibrary = (message: string): string | undefined => {
  const [, name] = /\b(lib[\w+-]+)\.so[\w.]*: cannot open shared object file/.exec(message) ?? []
  if (name === undefined) return undefined
  // The driver's own come with it, and with no package.
  if (name === "libcuda" || name.startsWith("libnvidia"))
    return `${name} comes with NVIDIA's driver: install it, or in a container start this one with the GPU (--gpus all).`
  const from = packages.find(([begins]) => name.startsWith(begins))?.[1]
  return from === undefined
    ? undefined
    : `${name} comes from the package ${from}: pip install ${from}, in the Python environment that has the plugin.`
}
