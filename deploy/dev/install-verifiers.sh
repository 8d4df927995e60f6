#!/bin/sh
# Installs the tools by which tests hold bundles against other people's programs, if this machine lacks one: openssl, unzip, qpdf, pdfsig
# and certutil. Nothing of the product needs them.
#
# Exit status: 0 if all are present at the end, otherwise 1.
set -eu

tools="openssl unzip qpdf pdfsig certutil"

missing() {
  for tool in $tools; do
    command -v "$tool" >/dev/null 2>&1 || echo "$tool"
  done
}

if [ -n "$(missing)" ]; then
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    cat >&2 <<END
Tests need these tools, which are not installed:
$(missing)
  Debian:         as root, run this script again, or: apt-get install openssl unzip qpdf poppler-utils libnss3-tools
  Fedora, RHEL:   dnf install openssl unzip qpdf poppler-utils nss-tools
  macOS:          brew install openssl unzip qpdf poppler nss
END
    exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  # Update the package lists if none is from the last day.
  if [ -z "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -mtime -1 2>/dev/null | head -n 1)" ]; then
    apt-get update
  fi
  apt-get install -y --no-install-recommends openssl unzip qpdf poppler-utils libnss3-tools
  if [ -n "$(missing)" ]; then
    echo "The packages were installed, but these tools are still missing:" $(missing) >&2
    exit 1
  fi
fi
echo "openssl, unzip, qpdf, pdfsig, certutil are installed"
