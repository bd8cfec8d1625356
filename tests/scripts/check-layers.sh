#!/usr/bin/env bash
# scripts/check-layers finds each kind of wrong include, names its line, and accuses no good one.
set -euo pipefail

check=$(cd "$(dirname "$0")/../.." && pwd)/scripts/check-layers
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

fail() {
    echo "$1" >&2
    exit 1
}

# lay_out: a lawful house in which every room includes one below, itself, and the system.
lay_out() {
    rm -rf "$tree/src"
    mkdir -p "$tree"/src/{base,proto,net,conn,script,app/serve}
    echo '#include <stddef.h>' >"$tree/src/base/bytes.h"
    echo '#include "base/bytes.h"' >"$tree/src/proto/frame.h"
    printf '#include "proto/frame.h"\n\n# include "base/bytes.h"\n' >"$tree/src/proto/frame.c"
    echo 'X(NAME, "not an include")' >"$tree/src/proto/violation.def"
    echo '#include "proto/violation.def"' >"$tree/src/proto/violation.c"
    echo '#include "proto/frame.h"' >"$tree/src/net/loop.h"
    echo '#include "net/loop.h"' >"$tree/src/conn/hub.h"
    echo '#include "conn/hub.h"' >"$tree/src/script/script.h"
    echo '#include "script/script.h"' >"$tree/src/app/serve/serve.h"
    echo '#include "app/serve/serve.h"' >"$tree/src/app/serve/serve.c"
    echo '#include "app/serve/serve.h"' >"$tree/src/main.c"
}

# rejects FILE LINE MESSAGE: with LINE at its end FILE is accused of just that, nothing else is.
rejects() {
    local said expected
    printf '%s\n' "$2" >>"$tree/src/$1"
    expected="src/$1:$(wc -l <"$tree/src/$1"): $3"
    if said=$("$check" "$tree"); then
        fail "accepted in src/$1: $2"
    fi
    [ "$said" = "$expected" ] || fail "expected: $expected"$'\n'"     got: $said"
    lay_out
}

lay_out
"$check" "$tree" || fail "accused a lawful tree"

rejects base/bytes.h '#include "proto/frame.h"' '"proto/frame.h" points up: base lies below proto'
rejects proto/frame.c '#include "net/loop.h"' '"net/loop.h" points up: proto lies below net'
rejects net/loop.h '#include "conn/hub.h"' '"conn/hub.h" points up: net lies below conn'
rejects conn/hub.h '#include "script/script.h"' \
    '"script/script.h" points up: conn lies below script'
rejects script/script.h '  #  include "app/serve/serve.h"' \
    '"app/serve/serve.h" points up: script lies below app'
rejects proto/frame.c '#include "frame.h"' '"frame.h" does not carry its room'
rejects app/serve/serve.c '#include "serve/serve.h"' '"serve/serve.h" does not carry its room'
rejects main.c '#include "base/nothing.h"' 'src/base/nothing.h does not exist'
rejects proto/violation.def '#include "net/loop.h"' \
    '"net/loop.h" points up: proto lies below net'
rejects net/loop.h '#include "base/../conn/hub.h"' 'src/base/../conn/hub.h does not exist'

mkdir "$tree/src/attic"
echo '#include "base/bytes.h"' >"$tree/src/attic/old.c"
if said=$("$check" "$tree"); then
    fail "accepted a room that is none"
fi
[ "$said" = 'src/attic/old.c:1: no such room: attic' ] || fail "got: $said"
