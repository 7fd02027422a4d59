#!/bin/sh
# Installs the client side of the network HSM on a host, or its server with --server; the other way with --uninstall. Safe to run again.
#
#   sudo ./install.sh [--prefix DIR] [--server] [--uninstall] [--purge]
#
#   dks_setup_console, findHSM    -> PREFIX/bin               (default /usr)
#   hsm.conf                      -> PREFIX/../etc/dkey/hsm/  (default /etc/dkey/hsm), kept when it is there already
#   libcryptechdks-pkcs11.so      -> PREFIX/lib               (where the package has it)
#   --server: hsmd                -> PREFIX/bin, signet-hsm.service, user signet-hsm, /var/lib/signet-hsm
#   --uninstall: takes these away; hsm.conf and /var/lib/signet-hsm stay unless --purge is given
set -eu

self=$(readlink -f "$0")
root=${self%/*}
prefix=/usr
server=no
uninstall=no
purge=no
while [ $# -gt 0 ]; do
  case "$1" in
    --prefix) [ $# -ge 2 ] || { echo "install.sh: --prefix needs a directory" >&2; exit 2; }; prefix=$2; shift ;;
    --server) server=yes ;;
    --uninstall) uninstall=yes ;;
    --purge) purge=yes ;;
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "$self"; exit 0 ;;
    *) echo "install.sh: there is no option '$1'" >&2; exit 2 ;;
  esac
  shift
done

# Under another prefix, as for a package or a test, the rest goes there too.
if [ "$prefix" = /usr ]; then base=; else base=$prefix; fi
bin=$prefix/bin
lib=$prefix/lib
etc=$base/etc/dkey/hsm
unit=$base/lib/systemd/system/signet-hsm.service
state=$base/var/lib/signet-hsm
user=signet-hsm

if [ "$uninstall" = yes ]; then
  for name in dks_setup_console findHSM hsmd; do
    # Only links into a package of ours are ours.
    case "$(readlink "$bin/$name" 2>/dev/null || true)" in */dist/bin/"$name") rm -f "$bin/$name" ;; esac
  done
  [ ! -L "$lib/libcryptechdks-pkcs11.so" ] || rm -f "$lib/libcryptechdks-pkcs11.so"
  if [ -z "$base" ] && [ -e "$unit" ] && command -v systemctl >/dev/null 2>&1; then
    systemctl disable --now signet-hsm.service >/dev/null 2>&1 || true
  fi
  rm -f "$unit"
  if [ "$purge" = yes ]; then
    rm -f "$etc/hsm.conf"
    rm -rf "$state"
    echo "removed, with hsm.conf and all keys in $state"
  else
    echo "removed; $etc/hsm.conf and $state stay (--purge removes them)"
  fi
  exit 0
fi

for name in dks_setup_console findHSM; do
  [ -x "$root/dist/bin/$name" ] || { echo "install.sh: $root/dist/bin/$name is missing: run 'npm run build' first" >&2; exit 1; }
done
mkdir -p "$bin" "$etc"
for name in dks_setup_console findHSM; do ln -sfn "$root/dist/bin/$name" "$bin/$name"; done
if [ ! -e "$etc/hsm.conf" ]; then
  # Where an appliance without DHCP is; findHSM writes the one that was chosen.
  cat >"$etc/hsm.conf" <<'CONF'
<?xml version="1.0" encoding="utf-8" ?>
<diamondhsm>
  <cty>
    <IP>10.10.10.2</IP>
    <port>8081</port>
    <servername>dks-hsm</servername>
    <serial>1000-0002</serial>
  </cty>
  <rpc>
    <IP>10.10.10.2</IP>
    <port>8080</port>
    <servername>dks-hsm</servername>
    <serial>1000-0002</serial>
  </rpc>
</diamondhsm>
CONF
  chmod 644 "$etc/hsm.conf"
fi
if [ -e "$root/dist/native/libcryptechdks-pkcs11.so" ]; then
  mkdir -p "$lib"
  ln -sfn "$root/dist/native/libcryptechdks-pkcs11.so" "$lib/libcryptechdks-pkcs11.so"
fi

if [ "$server" = yes ]; then
  [ -e "$root/dist/native/hsm.node" ] || { echo "install.sh: native/hsm is not built: install gcc and libc6-dev, then run 'npm run build'" >&2; exit 1; }
  ln -sfn "$root/dist/bin/hsmd" "$bin/hsmd"
  if [ -z "$base" ] && ! id "$user" >/dev/null 2>&1; then
    useradd --system --home-dir "$state" --shell /usr/sbin/nologin "$user"
  fi
  mkdir -p "$state" "${unit%/*}"
  chmod 700 "$state"
  [ -n "$base" ] || chown "$user:" "$state"
  # KillMode=process: the watchdogs hold the master key ("battery") and go on over restarts of hsmd.
  cat >"$unit" <<UNIT
[Unit]
Description=Network HSM
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=$bin/hsmd --state $state --web-port 80
User=$user
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
NoNewPrivileges=yes
KillMode=process
Restart=on-failure
RestartSec=2
LimitCORE=0
LimitMEMLOCK=64K
ProtectSystem=strict
ReadWritePaths=$state
ProtectHome=yes
PrivateTmp=yes

[Install]
WantedBy=multi-user.target
UNIT
  echo "installed; start it with: systemctl enable --now signet-hsm"
fi
echo "installed: $bin/dks_setup_console, $bin/findHSM, $etc/hsm.conf"
