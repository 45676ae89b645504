#!/usr/bin/env bash
# What the tests use beyond npm: from PyPI, PJRT plugins for the processor and for compiling; from Debian's packages, a browser with WebGPU, a software
# Vulkan driver, PyTorch to compare with.
# Quick when all is there. Where it cannot install (not root, no apt, no pip), it says so and succeeds: tests that need these skip and
# print why.
set -euo pipefail

say() { printf 'setup-system: %s\n' "$*" >&2; }

# What CI runs StableHLO with, and what it compiles for a described GPU with (the plugin, ptxas, libdevice; no driver, no cuDNN): only
# these bytes. The second has a folder of its own, so that --target cuda never takes it for a whole plugin.
cache=${HASAM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hasam}
processor='lammps-jax-pjrt-cpu==0.11.2 --hash=sha256:1319390d948b39f69f7dade496b7c385149d9ca6097a6b62114da113216d9ad1'
compiler='jax-cuda13-pjrt==0.11.2 --hash=sha256:e5ff589d43064913bb74027682d89639c7ea48f9f81c2bae6fc75117e913f93e
nvidia-cuda-nvcc==13.5.37 --hash=sha256:f5c4f7ead5d964fb4af42bbf1e6d3ec3c1e6e9d83b53749f691d387e7fcaa3a7
nvidia-nvvm==13.5.37 --hash=sha256:c41bfa362e407405163f103c2229f0765f8cc2ed7d148b754dc77f228bf7e070'
install_plugin() {
  local packages="$cache/$1/lib/python3/site-packages" beside
  [ -f "$packages/$2" ] && return
  if [ "$(uname -sm)" != "Linux x86_64" ] || ! python3 -m pip --version >/dev/null 2>&1; then
    say "no PJRT plugins for this platform, or no pip: their tests will skip"
    return
  fi
  beside=$(mktemp -d)
  say "installing ${3%% *}"
  printf '%s\n' "$3" >"$beside/requirements.txt"
  # Beside, then moved: tests never meet half a plugin.
  if python3 -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
    --target "$beside/packages" -r "$beside/requirements.txt"; then
    mkdir -p "$(dirname "$packages")"
    rm -rf "$packages"
    mv "$beside/packages" "$packages"
  else
    say "${3%% *} did not install: its tests will skip"
  fi
  rm -rf "$beside"
}
install_plugin pjrt lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so "$processor"
install_plugin cuda-compiler jax_plugins/xla_cuda13/xla_cuda_plugin.so "$compiler"
has() { dpkg-query -W -f='${Status} ${Version}\n' "$1" 2>/dev/null | grep -q '^install ok installed'; }
version() { dpkg-query -W -f='${Version}' "$1" 2>/dev/null || true; }

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  say "no apt here; install chromium, a Vulkan driver (Mesa 23 or newer) and PyTorch by other means to run every test"
  exit 0
fi

# Dawn refuses the lavapipe of Mesa 22.
mesa_is_new() { has mesa-vulkan-drivers && dpkg --compare-versions "$(version mesa-vulkan-drivers)" ge 23; }

# ruff and mypy of pinned versions, in a folder of their own; PyTorch's types are the system's.
python_tools() {
  local folder="${XDG_CACHE_HOME:-$HOME/.cache}/hasam/python-tools" wanted
  wanted="$(dirname "$0")/python-tools.txt"
  cmp -s "$wanted" "$folder/installed.txt" && return
  say "installing $(grep -v '^#' "$wanted" | tr '\n' ' ')"
  { /usr/bin/python3 -m venv --system-site-packages "$folder" && "$folder/bin/pip" install -q -r "$wanted"; } >/dev/null 2>&1 \
    && cp "$wanted" "$folder/installed.txt" || say "no ruff and mypy: the checks of the Python in packages will skip"
}
trap python_tools EXIT

missing=()
for package in chromium libvulkan1 python3-torch python3-pil python3-venv libopenblas0-pthread; do has "$package" || missing+=("$package"); done
need_mesa=false
mesa_is_new || need_mesa=true
if [ ${#missing[@]} -eq 0 ] && ! $need_mesa; then
  say "all present"
  exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
  say "not root; missing: ${missing[*]:-}$($need_mesa && printf ' mesa-vulkan-drivers (23 or newer)'). Tests that need them will skip."
  exit 0
fi

export DEBIAN_FRONTEND=noninteractive
apt=(apt-get -y -qq -o DPkg::Lock::Timeout=300 --no-install-recommends)
codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
release_option=()
if $need_mesa && [ "$codename" = bookworm ]; then
  # The mirror that this machine already uses for bookworm also has its backports.
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' | awk '$2 == "bookworm" { print $1; exit }')
  if ! apt-get indextargets --format '$(CODENAME)' | grep -qx bookworm-backports; then
    printf 'deb %s bookworm-backports main\n' "$mirror" >/etc/apt/sources.list.d/bookworm-backports.list
  fi
  release_option=(-t bookworm-backports)
fi

try() { "$@" >/dev/null || { say "failed: $*"; return 1; }; }
# One unreachable repository that we do not need must not stop the rest.
apt-get update -qq >/dev/null 2>&1 || say "apt-get update reported errors; going on with the lists there are"
if [ ${#missing[@]} -gt 0 ]; then
  say "installing ${missing[*]}"
  try "${apt[@]}" install "${missing[@]}" || say "the tests that need these will skip"
fi
if $need_mesa; then
  say "installing mesa-vulkan-drivers ${release_option[*]:-}"
  try "${apt[@]}" install "${release_option[@]}" mesa-vulkan-drivers || say "the tests that run WebGPU in Node will skip"
fi
