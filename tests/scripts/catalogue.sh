#!/usr/bin/env bash
# Every test that docs/testing.md names exists: a name that was changed is changed there, too.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
page=$root/docs/testing.md

# What the page names, and what stands in the tree: a test in C is a function that takes its state.
named=$(grep '^|' "$page" | grep -oE "\`[a-z0-9_]+\`" | tr -d "\`" | sort -u)
there=$({
    grep -hoE '^static void [a-z0-9_]+\(void \*\*state\)' "$root"/tests/unit/*.c |
        sed -E 's/^static void ([a-z0-9_]+).*/\1/'
    grep -hoE '^ +(async )?def test_[a-z0-9_]+' "$root"/tests/e2e/*.py | sed -E 's/.* //'
} | sort -u)

[ "$(wc -l <<<"$named")" -ge 40 ] || {
    echo "docs/testing.md names hardly any test" >&2
    exit 1
}
if missing=$(comm -23 <(echo "$named") <(echo "$there")) && [ -n "$missing" ]; then
    echo "docs/testing.md names tests that do not exist:"$'\n'"$missing" >&2
    exit 1
fi
