#!/usr/bin/env bash
# Programs of Debian's that some tests drive for real. Installs what is missing where it may (root or
# sudo without a password, and apt); elsewhere says what the tests leave out. With CI=true nothing may
# be left out.
set -euo pipefail

missing() {
  command -v chromium >/dev/null || echo chromium
  command -v redis-server >/dev/null || echo redis-server
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null ||
    echo postgresql
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

install() {
  # Debian's servers start when they are installed, unless this file forbids it
  local policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
    as_root chmod 755 $policy
    trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

mapfile -t packages < <(missing)
[ ${#packages[@]} -gt 0 ] || exit 0
if command -v apt-get >/dev/null && as_root true 2>/dev/null; then
  echo "installing for the tests: ${packages[*]}"
  (install "${packages[@]}") || echo 'apt-get could not install them'
fi
mapfile -t packages < <(missing)
[ ${#packages[@]} -gt 0 ] || exit 0
echo "not on this machine, their tests are left out: ${packages[*]}"
[ "${CI:-}" != true ]
