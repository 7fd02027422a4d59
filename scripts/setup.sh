#!/bin/sh
# Set-up that npm cannot do: Debian packages with the programs that try or judge us. Usage: setup.sh run|test
set -eu

case "${1:-test}" in
  run) wanted="dig=bind9-dnsutils delv=bind9-dnsutils" ;;
  test)
    wanted="dig=bind9-dnsutils delv=bind9-dnsutils nsupdate=bind9-dnsutils named=bind9 rndc=bind9-utils
      dnssec-signzone=bind9-utils named-rrchecker=bind9-utils ldns-verify-zone=ldnsutils knotd=knot kdig=knot-dnsutils
      kzonecheck=knot-dnssecutils nsd=nsd unbound=unbound dnsperf=dnsperf ip=iproute2 chromium=chromium gcc=gcc /usr/include/stdio.h=libc6-dev
      python3=python3 openssl=openssl" ;;
  *) echo "usage: setup.sh run|test" >&2; exit 2 ;;
esac

sh scripts/node.sh -e 0

PATH="$PATH:/usr/sbin:/sbin"
missing=""
for pair in $wanted; do
  # A program on PATH, or a file.
  if ! command -v "${pair%%=*}" >/dev/null 2>&1 && [ ! -e "${pair%%=*}" ]; then
    case " $missing " in *" ${pair#*=} "*) ;; *) missing="$missing ${pair#*=}" ;; esac
  fi
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
  echo "These Debian packages are needed and not installed:$missing" >&2
  echo "Install them with: sudo apt-get update && sudo apt-get install --no-install-recommends$missing" >&2
  exit 1
fi

echo "Installing Debian packages:$missing" >&2
# The packages bring daemons that we start ourselves, on loopback: they must not start by themselves now.
guard=""
if [ ! -e /usr/sbin/policy-rc.d ]; then
  guard=/usr/sbin/policy-rc.d
  printf '#!/bin/sh\nexit 101\n' >"$guard"
  chmod 755 "$guard"
  trap 'rm -f "$guard"' EXIT INT TERM
fi
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086  # a list of package names
apt-get install -y -q --no-install-recommends $missing >/dev/null 2>&1 ||
  { apt-get update -q >/dev/null && apt-get install -y -q --no-install-recommends $missing >/dev/null; }
