#!/usr/bin/env bash
# Holds the Swift packages that are built into the program to deploy/scripts/versions.txt.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: deploy/scripts/versions.sh pin | check | record

  pin     writes Package.resolved from versions.txt, so that the build takes exactly those
  check   fails, and shows the difference, unless Package.resolved has exactly those
  record  writes versions.txt from Package.resolved, after a change that was looked at

Only the shell and awk are needed: it runs within the build of the image, too.
TEXT
}

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
list=deploy/scripts/versions.txt

# A line for each package: identity, version, commit, where it comes from.
resolved() {
    awk -F '"' '
        $2 == "identity" { identity = $4 }
        $2 == "location" { location = $4 }
        $2 == "revision" { revision = $4 }
        $2 == "version" && $4 != "" { print identity, $4, revision, location }
        # A branch is no release, and differs from every line of the list.
        $2 == "branch" { print identity, "branch:" $4, "", location }
    ' Package.resolved | LC_ALL=C sort
}

pins() {
    awk '
        BEGIN { print "{\n  \"pins\" : [" }
        /^[^#]/ {
            if (count++) print ","
            printf "    {\n      \"identity\" : \"%s\",\n      \"kind\" : \"remoteSourceControl\",\n", $1
            printf "      \"location\" : \"%s\",\n", $4
            printf "      \"state\" : {\n        \"revision\" : \"%s\",\n        \"version\" : \"%s\"\n      }\n    }", $3, $2
        }
        END { print "\n  ],\n  \"version\" : 3\n}" }
    ' "$list"
}

case "${1:-} ${2:-}" in
"pin ") pins >Package.resolved ;;
"check ")
    if ! difference=$(diff <(grep -v '^#' "$list") <(resolved)); then
        printf 'the packages of this build (>) are not those of %s (<):\n%s\n' "$list" "$difference" >&2
        printf 'take those with deploy/scripts/versions.sh pin, or look at the new ones and record them\n' >&2
        exit 1
    fi
    ;;
"record ")
    head=$(grep '^#' "$list")
    printf '%s\n%s\n' "$head" "$(resolved)" >"$list.new"
    mv "$list.new" "$list"
    ;;
"--help " | "-h ") usage ;;
*) usage >&2 && exit 2 ;;
esac
