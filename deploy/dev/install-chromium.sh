#!/bin/sh
# Installs Chromium and a Korean font if this machine has none: the browser tests drive it. Nothing of the product needs it.
#
# Exit status: 0 if a browser is present at the end, otherwise 1.
set -eu

find_browser() { command -v chromium || command -v chromium-browser || command -v google-chrome || true; }

found=$(find_browser)
if [ -z "$found" ]; then
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    cat >&2 <<END
No Chromium is installed, which the browser tests need.
  Debian:         as root, run this script again, or: apt-get install chromium fonts-nanum
  Fedora, RHEL:   dnf install chromium
  macOS:          brew install --cask chromium
It is looked for in PATH: chromium, chromium-browser, google-chrome.
END
    exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  # Update the package lists if none is from the last day.
  if [ -z "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -mtime -1 2>/dev/null | head -n 1)" ]; then
    apt-get update
  fi
  apt-get install -y --no-install-recommends chromium fonts-nanum
  found=$(find_browser)
  if [ -z "$found" ]; then
    echo "The package was installed, but it holds no chromium." >&2
    exit 1
  fi
fi
echo "Chromium in $found"
