#!/usr/bin/env bash
# Checks that need no database: generated code, lint, module files, builds without the workspace, file sizes, and the README's
# claims.
# A check that cannot run is printed as not checked; a check that fails ends the script.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=.tools
say() { printf '%-28s %s\n' "$1" "$2"; }

# Generate the code again into another folder, and compare.
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
rm -rf .third_party && $tools/thirdparty .third_party
$tools/buf format proto -d --exit-code >/dev/null || { say "proto format" "FAILED: run make gen"; exit 1; }
$tools/buf lint
cp -r proto/gen "$fresh/committed"
$tools/buf generate
diff -r "$fresh/committed" proto/gen >"$fresh/diff" || { head -n 20 "$fresh/diff"; say "generated code" "FAILED: run make gen"; exit 1; }
say "generated code" ok

# The same for the pages: templates, script and style. What others made is as its checksums say.
cp -r services/web/internal/ui "$fresh/ui" && cp -r services/web/assets/dist "$fresh/dist"
$tools/templ generate -log-level error -path services/web/internal/ui
$tools/webbuild services/web/assets services/web/assets/dist
diff -r "$fresh/ui" services/web/internal/ui >"$fresh/diff" && diff -r "$fresh/dist" services/web/assets/dist >>"$fresh/diff" ||
  { head -n 20 "$fresh/diff"; say "generated pages" "FAILED: run make pages"; exit 1; }
say "generated pages" ok
for sums in services/web/assets/vendor/*/SHA256SUMS e2e/browser/testdata/*/SHA256SUMS; do
  (cd "$(dirname "$sums")" && sha256sum --quiet -c SHA256SUMS) || { say "vendored files" "FAILED: $sums"; exit 1; }
done
say "vendored files" ok
# The pages' policy runs none of these, and templ.Raw escapes nothing.
if grep -rnE 'templ\.Raw|@Raw|<style|[[:space:]]style=|[[:space:]]on[a-z]+=|javascript:|<script>' services/web/internal/ui --include='*.templ'; then
  say "templates" "FAILED: raw HTML, inline script, style or handlers"; exit 1
fi
say "templates" ok

# Compare images to find breaking changes, because the third-party protos are in no commit.
if git rev-parse --verify -q HEAD^ >/dev/null; then
  mkdir "$fresh/former" && git archive HEAD^ proto buf.yaml | tar -x -C "$fresh/former" && cp -r .third_party "$fresh/former/"
  (cd "$fresh/former" && "$OLDPWD/$tools/buf" build proto -o "$fresh/former.binpb")
  if $tools/buf breaking proto --against "$fresh/former.binpb" >"$fresh/breaking" 2>&1; then say "proto breaking" ok
  else cat "$fresh/breaking"; say "proto breaking" "differs from the commit before (allowed until the first release)"; fi
else say "proto breaking" "not checked: there is no commit before"; fi

$tools/golangci-lint run ./...
(cd e2e && ../$tools/golangci-lint run --config ../.golangci.yml ./...)
say "lint" ok

# go mod tidy -diff prints missing entries as a diff on stdout. Failed downloads and other errors go to stderr, between lines
# about downloads.
for module in . e2e tools tools/thirdparty tools/grpcurl tools/webbuild; do
  if (cd $module && GOWORK=off go mod tidy -diff >"$fresh/tidy" 2>"$fresh/tidy-errors"); then say "go mod tidy $module" ok; continue; fi
  grep -v '^go: downloading ' "$fresh/tidy-errors" >"$fresh/tidy-why" || true
  if [ -s "$fresh/tidy" ]; then head -n 40 "$fresh/tidy"; say "go mod tidy $module" "FAILED: run go mod tidy there"; exit 1
  elif grep -qE 'not available|not found|forbidden|Forbidden|Gone|connection refused|no such host|i/o timeout|dial tcp' "$fresh/tidy-why"; then
    say "go mod tidy $module" "not checked: $(grep -m1 -oE '[^ ]+@v[^ :]+' "$fresh/tidy-why" | head -n 1 || true) could not be fetched"
  else head -n 40 "$fresh/tidy-why"; say "go mod tidy $module" FAILED; exit 1; fi
done

# Compile without linking: go build would link each program and throw it away.
GOWORK=off go list -export ./... >/dev/null
(cd e2e && GOWORK=off go vet ./...)
say "builds without workspace" ok

long=$(git ls-files '*.go' ':!proto/gen/*' ':!*_templ.go' | xargs wc -l | awk '$1 > 600 && $2 != "total" {print $1, $2}')
[ -z "$long" ] || { echo "$long"; say "file length" "FAILED: over 600 lines"; exit 1; }
say "file length" ok

go run ./deploy/dev/readmecheck
say "README tables" ok
go run ./deploy/dev/lists
say "lists of units" ok

if $tools/govulncheck ./... >"$fresh/vuln" 2>&1; then say "govulncheck" ok
elif grep -qiE 'fetch|dial|lookup|forbidden|no such host|connection refused|timeout' "$fresh/vuln"; then say "govulncheck" "not checked: its database is not reachable"
else cat "$fresh/vuln"; say "govulncheck" FAILED; exit 1; fi
