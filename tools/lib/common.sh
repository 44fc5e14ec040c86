# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What tools/demo, tools/test and tools/bench share: installing what is missing, and building. To be sourced; sets
# $top, the directory of the repository.

top=$(dirname "$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")")

# What it takes to build and to judge the examples.
# shellcheck disable=SC2034 # for those who source this
build_packages=(
        gcc g++ libc6-dev meson ninja-build pkg-config python3
        libsystemd-dev libseccomp-dev libcap-dev libjson-c-dev libinih-dev uthash-dev check
)

# On a terminal bold and dim, else nothing.
if [[ -t 2 && ${TERM:-dumb} != dumb && -z ${NO_COLOR:-} ]]; then
        bold=$'\e[1m' plain=$'\e[0m'
else
        bold='' plain=''
fi

say() {
        printf '%s\n' "$*" >&2
}

die() {
        say "$(basename "$0"): $*"
        exit 1
}

# Shows on the terminal that something is still going on, for as long as the caller lives.
tick() {
        local text=$1 begin=$SECONDS

        while kill -0 $$ 2>/dev/null; do
                printf '\r\e[K%s%s%s … %i s' "$bold" "$text" "$plain" $((SECONDS - begin)) >&2
                sleep 0.2
        done
}

# step TEXT COMMAND...: says what is being done, and how long it took. The command's output goes to a file, which is
# shown if the command fails.
step() {
        local text=$1 log begin=$SECONDS ticker='' status=0
        shift

        log=$(mktemp "${TMPDIR:-/tmp}/judgebox-log.XXXXXX")
        if [[ -t 2 ]]; then
                tick "$text" &
                ticker=$!
        else
                say "$text …"
        fi

        "$@" </dev/null >"$log" 2>&1 || status=$?

        if [[ -n $ticker ]]; then
                { kill "$ticker"; wait "$ticker"; } 2>/dev/null || true
                printf '\r\e[K' >&2
        fi

        if ((status != 0)); then
                tail -n 60 "$log" >&2
                say "$text: failed with exit status $status after $((SECONDS - begin)) s; all of it is in $log"
                return "$status"
        fi

        rm -f "$log"
        say "$text: $((SECONDS - begin)) s"
}

package_is_installed() {
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

apt_install() {
        DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}

# The lists that a fresh machine has may be none, or too old to find the packages by.
apt_install_updating() {
        if compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null && apt_install "$@"; then
                return 0
        fi
        apt-get update -q && apt_install "$@"
}

# install_packages PACKAGE...: those that are missing, with apt-get. Elsewhere than on Debian it is up to the user.
install_packages() {
        local missing=() p

        if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
                say "This is no Debian; what Debian calls $* should be here."
                return 0
        fi

        for p in "$@"; do
                package_is_installed "$p" || missing+=("$p")
        done
        ((${#missing[@]} > 0)) || return 0

        if ((EUID != 0)); then
                say "Missing here: ${missing[*]}. As root: apt-get install ${missing[*]}"
                return 1
        fi
        step "Installing ${missing[*]}" apt_install_updating "${missing[@]}"
}

# A directory that somebody has set up by hand is left as it is; one of ours is set up again when it is to be
# another kind of build than it was.
configure() {
        local directory=$1 wanted="${CC:-} ${*:2}" stamp=$1/judgebox-configured
        shift

        if [[ ! -e $directory/build.ninja ]]; then
                meson setup "$directory" "$top" "$@" || return
        elif [[ -e $stamp && $(<"$stamp") != "$wanted" ]]; then
                meson setup --wipe "$directory" "$top" "$@" || return
        else
                return 0
        fi
        printf '%s\n' "$wanted" >"$stamp"
}

configure_and_compile() {
        configure "$@" && ninja --quiet -C "$1"
}

# build DIRECTORY [MESON-OPTION...]: relative to $top. $CC is meson's.
build() {
        local directory=$1 werror=false
        shift

        [[ -z ${CI:-} ]] || werror=true
        set -- -Dwerror=$werror "$@"
        step "Building $directory" configure_and_compile "$top/$directory" "$@"
}
