# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the scripts below tools/ have in common. Sourced, by bash.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd) || exit 1
cache=${GOALLOC_CACHE:-${HOME:-/root}/.cache/goalloc}
me=${0##*/}
# shellcheck disable=SC2034 # for those who source this
kernels="6.1 6.12 6.12-rt 7.x plain debug kcsan um um-cov um-kasan"
# the suite with 7.x
# shellcheck disable=SC2034
newer=trixie-backports
# the status of a script whose only trouble is that 7.x cannot be had
# shellcheck disable=SC2034
unavailable=3
# shellcheck disable=SC2034
jobs=$(nproc)

say() {
	printf '%s: %s\n' "$me" "$*" >&2
}

die() {
	say "$*"
	exit 1
}

# As root, or through sudo. Interactive passwords are the user's to give.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		return 1
	fi
}

apt_log=$cache/apt.log
# where apt looks: where it is configured to, or see use_suite
apt_suite='' apt_opts=()

apt_update() {
	mkdir -p "$cache"
	if [ -n "$apt_suite" ]; then
		say "apt-get update of $apt_suite"
		flock "$cache/$apt_suite" apt-get -q "${apt_opts[@]}" update \
			>>"$apt_log" 2>&1
	else
		say "apt-get update"
		# suites run side by side, and apt-get waits for no list that another fetches
		(
			lock apt
			as_root apt-get -q -o DPkg::Lock::Timeout=600 update \
				>>"$apt_log" 2>&1
		)
	fi
}

debian_mirror() {
	# shellcheck disable=SC2016 # for apt to fill in
	apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)' \
		'Created-By: Packages' 2>/dev/null |
		sed -n 's/^Debian|Debian|main|//p' | head -n 1
}

# use_suite SUITE: from here on packages are those of SUITE, on the mirror that
# apt is configured with. Its lists are in the cache; the host's apt stays as it is.
use_suite() {
	local mirror key=/usr/share/keyrings/debian-archive-keyring.gpg
	local dir=$cache/$1

	mirror=$(debian_mirror)
	[ -n "$mirror" ] || { apt_update; mirror=$(debian_mirror); }
	[ -n "$mirror" ] || {
		say "no $1: apt is not configured with a mirror of Debian"
		return 1
	}
	mkdir -p "$dir/lists/partial" || exit 1
	[ -e "$key" ] || key=
	echo "deb ${key:+[signed-by=$key] }$mirror $1 main" >"$dir/sources.list"
	apt_suite=$1
	apt_opts=(-o "Dir::State::Lists=$dir/lists"
		-o "Dir::State::status=/dev/null"
		-o "Dir::Etc::sourcelist=$dir/sources.list"
		-o "Dir::Etc::sourceparts=-" -o "Dir::Cache::pkgcache="
		-o "Dir::Cache::srcpkgcache=" -o "Acquire::Languages=none"
		-o "APT::Sandbox::User=root")
	compgen -G "$dir/lists/*_Packages*" >/dev/null || apt_update || {
		say "no $1 on the configured mirror: see $apt_log"
		return 1
	}
}

# need PACKAGE...: install those that are missing, by name.
need() {
	local p missing=() apt_suite=''

	command -v dpkg-query >/dev/null ||
		die "this needs Debian's packages: $*"
	for p; do
		dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null |
			grep -qx installed || missing+=("$p")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	say "installing ${missing[*]}"
	mkdir -p "$cache"
	apt_install "${missing[@]}" ||
		{ apt_update && apt_install "${missing[@]}"; } ||
		die "cannot install ${missing[*]}: see $apt_log"
}

apt_install() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
		-o DPkg::Lock::Timeout=600 install --no-install-recommends \
		"$@" </dev/null >>"$apt_log" 2>&1
}

# apt_field FIELD PACKAGE: of the version that would be installed.
apt_field() {
	apt-cache "${apt_opts[@]}" --no-all-versions show "$2" 2>/dev/null |
		sed -n "s/^$1: //p" | head -n 1
}

# fetch DIRECTORY PACKAGE...: download into it, without installing.
fetch() {
	local dir=$1

	shift
	say "fetching $*"
	mkdir -p "$dir" || exit 1
	# the sandbox user of apt cannot write below a home directory
	apt_download "$@" || { apt_update && apt_download "$@"; }
}

apt_download() {
	(cd "$dir" && apt-get -q -o APT::Sandbox::User=root "${apt_opts[@]}" \
		download "$@") >>"$apt_log" 2>&1
}

# lock NAME: one at a time works on what NAME stands for in the cache.
lock() {
	mkdir -p "$cache" || die "cannot create $cache"
	exec {lock_fd}>"$cache/.lock-$1"
	flock -w 3 "$lock_fd" && return
	say "waiting for another run that prepares $1"
	flock "$lock_fd"
}

# check_kernel NAME: refuses what is neither in the list nor a path.
check_kernel() {
	case " $kernels " in
	*" $1 "*) return ;;
	esac
	[[ $1 == */* ]] ||
		die "no such kernel: $1 (one of: $kernels, or the path of a build tree)"
}

# shellcheck disable=SC2034 # for those who source this
# use_kernel NAME: sets krel, kimage, kdir and karch, fetching or building it first.
use_kernel() {
	local paths

	krel='' kdir='' kimage='' karch=''
	paths=$("$top/tools/vm/kernel" "$1") || exit
	eval "$paths"
}

has_kvm() {
	grep -qwE 'vmx|svm' /proc/cpuinfo && [ -w /dev/kvm ] &&
		echo quit | timeout 5 qemu-system-x86_64 -accel kvm -M none \
			-nodefaults -display none -monitor stdio \
			>/dev/null 2>&1
}
