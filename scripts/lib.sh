# Shared by the scripts: phases with elapsed time, and the packages. Source it; it sets $root and changes there.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"
export DEBIAN_FRONTEND=noninteractive
export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
# The distribution's interpreter has NumPy, ONNX and PyTorch; the first one on PATH may not.
python=/usr/bin/python3

started=$SECONDS
phase_started=$SECONDS
phase_name=""

# phase "what": ends the phase before it and starts a new one.
phase() {
  end_phase
  phase_name="$1"
  phase_started=$SECONDS
  printf '==> %s\n' "$phase_name"
}

end_phase() {
  [ -z "$phase_name" ] || printf '    %s: %d s (total %d s)\n' "$phase_name" $((SECONDS - phase_started)) $((SECONDS - started))
  phase_name=""
}

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# quietly LOG command…: runs the command, keeps its output in LOG, and shows the end of it if the command fails.
quietly() {
  local log="$1"
  shift
  mkdir -p "$(dirname "$log")"
  if ! "$@" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    fail "'$*' failed; the whole output is in $log"
  fi
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo --preserve-env=DEBIAN_FRONTEND "$@"
  else
    fail "installing packages needs root, and there is no sudo: run as root, or install by hand: $(package_names | tr '\n' ' ')"
  fi
}

package_names() { grep -v '^#' "$root/scripts/packages.txt"; }

is_installed() { [[ "$(dpkg-query -W -f '${Status}' "$1" 2>/dev/null)" == *"ok installed"* ]]; }

# Installs what is missing of scripts/packages.txt; does nothing, and needs no network, when all is there.
install_packages() {
  command -v dpkg-query >/dev/null || fail "this script installs Debian packages; elsewhere install these by hand: $(package_names | tr '\n' ' ')"
  local missing=() name
  for name in $(package_names); do
    # An npm from elsewhere is as good as the packaged one.
    [ "$name" = npm ] && command -v npm >/dev/null && continue
    is_installed "$name" || missing+=("$name")
  done
  if [ ${#missing[@]} = 0 ]; then
    echo "    all packages are installed"
    return
  fi
  echo "    installing ${#missing[@]} packages: ${missing[*]}"
  mkdir -p build-logs
  as_root apt-get update >build-logs/apt-update.log 2>&1 ||
    { tail -n 5 build-logs/apt-update.log >&2; fail "apt-get update failed: is the network up, and are apt's sources right?"; }
  local name
  for name in "${missing[@]}"; do
    # No `| grep -q`: it may end first, and a broken pipe is a failure under pipefail.
    grep -q 'Candidate: [^(]' <<<"$(apt-cache policy "$name")" ||
      fail "no package '$name' in apt's sources; Debian 12 has it with main and bookworm-security enabled"
  done
  as_root apt-get install -y --no-install-recommends "${missing[@]}" >build-logs/apt-install.log 2>&1 ||
    { tail -n 15 build-logs/apt-install.log >&2; fail "apt-get install failed; the whole output is in build-logs/apt-install.log"; }
}

# configure_and_build PRESET [targets…]
configure_and_build() {
  local preset="$1"
  shift
  quietly "build-logs/configure-$preset.log" cmake --preset "$preset"
  local targets=()
  [ $# = 0 ] || targets=(--target "$@")
  quietly "build-logs/build-$preset.log" cmake --build "build-$preset" "${targets[@]}"
}
