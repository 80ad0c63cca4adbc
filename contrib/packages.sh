# shellcheck shell=sh
# Debian packages, installed only where they are missing. For `.`, not to run.

# shellcheck disable=SC2034  # for who reads this file
build_packages="gcc make libc6-dev autoconf automake pkg-config
libmilter-dev libc-ares-dev libconfuse-dev libhiredis-dev libjansson-dev libmd-dev
libidn2-dev libpcre2-dev libssl-dev"

# as_root COMMAND...: by sudo when we are not
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

apt_install() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q \
	    --no-install-recommends install "$@" </dev/null
}

# install_packages PACKAGE...: no service is started with them
install_packages() {
	missing=
	for package in "$@"; do
		dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null |
		    grep -q '^ii' || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
		echo "missing, to be installed by root:$missing" >&2
		return 1
	fi
	echo "installing$missing"
	policy=/usr/sbin/policy-rc.d	# asked before a service is started
	if [ -e "$policy" ]; then
		policy=
	else
		printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
		as_root chmod 755 "$policy"
	fi
	status=0
	# shellcheck disable=SC2086  # words
	apt_install $missing >/dev/null 2>&1 || {
		as_root apt-get -q update >/dev/null 2>&1
		apt_install $missing >/dev/null || status=1
	}
	[ -z "$policy" ] || as_root rm -f "$policy"
	return "$status"
}
