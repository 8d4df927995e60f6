#!/bin/sh
# Installs PostgreSQL server binaries if this machine has none. Naru starts private servers from them; this script creates and
# starts no system-wide cluster.
#
# Exit status: 0 if binaries of version 14 or newer are present at the end, otherwise 1.
set -eu

oldest=14

major_of() {
  "$1/postgres" --version 2>/dev/null | sed -n 's/^postgres (PostgreSQL) \([0-9][0-9]*\).*/\1/p'
}

# Prints "<major> <folder>" of the newest usable server, or nothing.
find_server() {
  on_path=$(command -v postgres 2>/dev/null || true)
  for dir in ${on_path:+"$(dirname "$(readlink -f "$on_path")")"} /usr/lib/postgresql/*/bin; do
    [ -x "$dir/postgres" ] && [ -x "$dir/initdb" ] || continue
    major=$(major_of "$dir")
    [ -n "$major" ] && [ "$major" -ge "$oldest" ] || continue
    echo "$major $dir"
  done | sort -rn | head -n 1
}

report() {
  echo "PostgreSQL ${1%% *} server binaries in ${1#* }"
}

found=$(find_server)
if [ -n "$found" ]; then
  report "$found"
  exit 0
fi

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  cat >&2 <<END
No PostgreSQL server (version $oldest or newer) is installed: initdb and postgres are missing.
  Debian, Ubuntu: as root, run this script again, or: apt-get install postgresql
  Fedora, RHEL:   dnf install postgresql-server
  Alpine:         apk add postgresql
  macOS:          brew install postgresql
Binaries are looked for in PATH and in /usr/lib/postgresql/*/bin.
END
  exit 1
fi

# By default Debian's package creates a cluster on port 5432. This setting prevents it; the folder is read after
# createcluster.conf, so the administrator's file stays unchanged.
mkdir -p /etc/postgresql-common/createcluster.d
echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/naru.conf

export DEBIAN_FRONTEND=noninteractive
# Update the package lists if none is from the last day.
if [ -z "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -mtime -1 2>/dev/null | head -n 1)" ]; then
  apt-get update
fi
apt-get install -y --no-install-recommends postgresql

found=$(find_server)
if [ -z "$found" ]; then
  echo "The package was installed, but it holds no PostgreSQL server of version $oldest or newer." >&2
  exit 1
fi
report "$found"
