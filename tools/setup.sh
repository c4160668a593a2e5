# What ./demo, ./test and the lab share: install missing packages, build a preset, show progress.
#
# Sourced, never run. Nothing is installed or built unless a function is called.
#   rpcm_install LIST...      packages named in tools/LIST.txt that dpkg does not have yet
#   rpcm_build PRESET [TARGET...]   configure build/PRESET when needed, then build
#   rpcm_note TEXT            one line for the reader
# Both print one line of progress, rewritten in place on a terminal, and keep the full output in
# build/log/. A failure prints the end of that output and returns non-zero.

RPCM_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
RPCM_LOGS=$RPCM_ROOT/build/log
# What one checkout compiled serves the next one, in whatever folder that lies.
export CCACHE_BASEDIR=$RPCM_ROOT CCACHE_NOHASHDIR=1

rpcm_note() { printf '%s\n' "$*"; }

# The progress line: rewritten in place on a terminal, printed only when finished otherwise.
rpcm_progress() { [ -t 1 ] && printf '\r\033[K%s' "$(printf '%s' "$*" | cut -c "1-$(( ${COLUMNS:-$(tput cols 2>/dev/null || echo 80)} - 1 ))")"; return 0; }
rpcm_progress_done() { [ -t 1 ] && printf '\r\033[K'; printf '%s\n' "$*"; }

rpcm_fail() {  # MESSAGE LOG
  rpcm_progress_done "$1 (full output: ${2#"$RPCM_ROOT"/})" >&2
  tail -n 40 "$2" >&2
  return 1
}

rpcm_missing() {  # LIST... -> names of the packages that are not installed, one a line
  local list
  for list in "$@"; do grep -v '^#' "$RPCM_ROOT/tools/$list.txt"; done | sort -u >"$RPCM_LOGS/wanted"
  dpkg-query -W -f '${db:Status-Status} ${Package}\n' $(cat "$RPCM_LOGS/wanted") 2>/dev/null |
    sed -n 's/^installed //p' | sort -u | comm -13 - "$RPCM_LOGS/wanted"
}

# Packages such as samba start their daemons when installed. A policy-rc.d that says no (exit 101)
# prevents it; one that is already there is the administrator's and stays.
rpcm_apt_install() {  # AS_ROOT... -- PACKAGE...
  local as_root=()
  while [ "$1" != -- ]; do as_root+=("$1"); shift; done
  shift
  local policy=/usr/sbin/policy-rc.d ours= status=0
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null &&
      "${as_root[@]}" chmod 755 "$policy" && ours=yes
  fi
  # The status goes to standard output, what apt and maintainer scripts print to standard error: apt
  # makes its status descriptor non-blocking, and a script that shares it fails when the pipe is full.
  "${as_root[@]}" apt-get update -qq >&2 &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive sh -c 'exec 3>&1 >&2; exec "$@"' sh \
      apt-get install -y -q --no-install-recommends -o Dpkg::Use-Pty=0 -o APT::Status-Fd=3 "$@" ||
    status=$?
  [ -z "$ours" ] || "${as_root[@]}" rm -f "$policy"
  return $status
}

rpcm_install() {
  mkdir -p "$RPCM_LOGS"
  local missing count log=$RPCM_LOGS/apt.log as_root=()
  missing=$(rpcm_missing "$@")
  [ -n "$missing" ] || return 0
  count=$(wc -l <<<"$missing")
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
      rpcm_note "Missing packages, and neither root nor sudo to install them:" $missing >&2
      return 1
    }
    as_root=(sudo)
    sudo -v || return 1
  fi
  local start=$SECONDS kind package percent what
  rpcm_progress "Installing $count Debian packages ..."
  # Status lines read pmstatus:PACKAGE:PERCENT:TEXT (and dlstatus while downloading).
  rpcm_apt_install "${as_root[@]}" -- $missing 2>"$log" </dev/null |
    while IFS=: read -r kind package percent what; do
      case $kind in
        [dp][lm]status) rpcm_progress "Installing $count Debian packages: ${percent%%.*} % $what" ;;
      esac
    done
  [ "${PIPESTATUS[0]}" = 0 ] || { rpcm_fail "Installing packages failed" "$log"; return 1; }
  rpcm_progress_done "Installed $count Debian packages in $((SECONDS - start)) s"
}

rpcm_build() {
  local preset=$1; shift
  local dir=$RPCM_ROOT/build/$preset log=$RPCM_LOGS/$preset.log start=$SECONDS line status
  mkdir -p "$RPCM_LOGS"
  # Ninja reconfigures by itself when a CMakeLists.txt changed; presets it does not watch.
  if [ ! -e "$dir/build.ninja" ] || [ "$RPCM_ROOT/CMakePresets.json" -nt "$dir/build.ninja" ]; then
    rpcm_progress "Configuring $preset ..."
    (cd "$RPCM_ROOT" && cmake --preset "$preset") >"$log" 2>&1 ||
      { rpcm_fail "Configuring $preset failed" "$log"; return 1; }
  fi
  rpcm_progress "Building $preset ..."
  NINJA_STATUS='[%f/%t] ' ninja -C "$dir" ${RPCM_JOBS:+-j "$RPCM_JOBS"} "$@" 2>&1 | tee -a "$log" |
    while IFS= read -r line; do
      case $line in '['*) rpcm_progress "Building $preset $line" ;; esac
    done
  status=${PIPESTATUS[0]}
  [ "$status" = 0 ] || { rpcm_fail "Building $preset failed" "$log"; return 1; }
  if [ $((SECONDS - start)) -gt 2 ] || [ -t 1 ]; then
    rpcm_progress_done "Built $preset in $((SECONDS - start)) s"
  fi
}
