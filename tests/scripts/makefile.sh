#!/usr/bin/env bash
# The Makefile hands CMake what it was given: a PREFIX with a space, and for each command which
# parts to build, whatever an earlier one left in the cache.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

# A tree in which every tool only says how it was called, an argument a line.
mkdir -p "$place/scripts" "$place/tools"
cp "$root/Makefile" "$place/"
for tool in tools/cmake tools/ctest scripts/bootstrap; do
    cat >"$place/$tool" <<'END'
#!/bin/sh
printf '%s\n' "$@" "DESTDIR=$DESTDIR"
END
    chmod +x "$place/$tool"
done

# expect LINE... (make's words in `command`): each of these is an argument of some tool.
expect() {
    local said line
    said=$(env -u MAKEFLAGS PATH="$place/tools:$PATH" HOME=/home/of-test \
        make --no-print-directory -C "$place" "${command[@]}" 2>&1) || true
    for line in "$@"; do
        if ! grep -qxF -- "$line" <<<"$said"; then
            printf 'make %s: no "%s" in:\n%s\n' "${command[*]}" "$line" "$said"
            failed=1
        fi
    done
}

failed=0
command=(build)
expect -DTABURET_TESTS=OFF -DTABURET_BENCH=OFF
command=(test)
expect -DTABURET_TESTS=ON -DTABURET_BENCH=OFF
command=(install 'PREFIX=/a b' 'DESTDIR=/c d')
expect --prefix '/a b' 'DESTDIR=/c d' -DTABURET_TESTS=OFF
# shellcheck disable=SC2088
command=(install 'PREFIX=~/.local')
expect --prefix /home/of-test/.local
exit "$failed"
