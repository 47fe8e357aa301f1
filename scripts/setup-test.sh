#!/usr/bin/env bash
# Installs with apt-get what the tests need and this machine lacks; does nothing, at once, where all of it is there.
# Without the right to install it says what is missing and ends with 77, see stage.sh: the tests that need it are skipped.
set -euo pipefail

missing=()  # Debian packages
has() { command -v "$1" >/dev/null; }
need() { missing+=("$@"); }

has gcc || need gcc
[ -e /usr/include/stdlib.h ] || need libc6-dev
# The headless shell is half the size of chromium, has WebAuthn and autofill too, and is what we install.
has chromium || has chromium-headless-shell || has google-chrome || need chromium-headless-shell
has firefox-esr || has firefox || need firefox-esr
compgen -G '/usr/share/fonts/*/noto/NotoSansCJK*' >/dev/null || need fonts-noto-cjk
has postgres || compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || need postgresql
has node || need nodejs
has npm || need npm
has strace || need strace
has curl || need curl
has systemd-analyze || need systemd
has zsh || need zsh
has fish || need fish
has nginx || [ -x /usr/sbin/nginx ] || need nginx-light
has caddy || need caddy
has pgbouncer || [ -x /usr/sbin/pgbouncer ] || need pgbouncer

[ ${#missing[@]} -gt 0 ] || exit 0
began=$SECONDS
if [ "$(id -u)" -ne 0 ] || ! has apt-get; then
	echo "The tests need these Debian packages, which this machine lacks: ${missing[*]}" >&2
	echo "Install them (as root: apt-get install ${missing[*]}) and run this again." >&2
	has gcc || exit 1 # nothing runs without the race detector
	exit 77
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq || echo 'the package lists could not be renewed: trying with those that are here' >&2
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
echo "installed in $((SECONDS - began)) s"
