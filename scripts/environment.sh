# The project's own Python environment in .work/venv beside the checkout. Sourced by the scripts, from the repo root.
# Installs Python packages only; what Debian must provide is named, never guessed around.

venv=.work/venv
export PATH="${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}"
# a share has Japanese names, whatever this machine's locale is
export PYTHONUTF8=1

say() {
    echo "$*" >&2
}

# Set $python to a Python of at least 3.11 that can make environments. Else 1, with $reason and $packages to install.
find_python() {
    for python in python3 python3.14 python3.13 python3.12 python3.11; do
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
        "$python" -c 'import ensurepip, venv' 2>/dev/null && return 0
        reason="Python is here, but not its venv module." packages="$python-venv"
        return 1
    done
    reason="kdx needs Python 3.11 or newer; this machine has $(python3 -V 2>/dev/null || echo none)."
    packages="python3 python3-venv"
    command -v python3 >/dev/null && packages="python3.11 python3.11-venv"
    return 1
}

# Say what to install and how, in one line that can be copied.
say_what_to_install() {
    sudo="sudo "
    [ "$(id -u)" -ne 0 ] || sudo=""
    say "$reason Install what is missing, then run this again:"
    say "    ${sudo}apt install $packages"
}

# make_environment [test]: kdx, with what its tests need where asked, in $venv. Reused where whole, remade where broken.
make_environment() {
    if ! find_python; then
        say_what_to_install
        exit 1
    fi
    mkdir -p "${venv%/*}"
    # two scripts started at once must not install into one environment together
    exec 9>"$venv.lock"
    flock 9
    if ! environment_works; then
        rm -rf "$venv"
        "$python" -m venv "$venv" || exit 1
    fi
    if ! environment_holds "$@"; then
        install_packages "$@"
    fi
    exec 9>&-
}

# A checkout that was moved, or a Python that was upgraded, breaks an environment without a word.
environment_works() {
    [ "$("$venv/bin/python" -c 'import sys, pip; print(sys.prefix)' 2>/dev/null)" = "$PWD/$venv" ] &&
        { [ ! -e "$venv/installed" ] || "$venv/bin/rclone" version >/dev/null 2>&1; }
}

environment_holds() {
    wanted=$(fingerprint)
    [ "$(cat "$venv/installed-test" 2>/dev/null)" = "$wanted" ] ||
        { [ $# -eq 0 ] && [ "$(cat "$venv/installed" 2>/dev/null)" = "$wanted" ]; }
}

install_packages() {
    say "Installing kdx and the libraries it needs into $venv (once, about a minute) ..."
    if ! "$venv/bin/python" -m pip install --quiet --no-input --disable-pip-version-check \
        --config-settings editable_mode=compat --editable ".${1:+[$1]}"; then
        say "The packages could not be installed. Check that this machine reaches its Python package index" \
            "(https://pypi.org, or the one pip is configured for), then run this again."
        exit 1
    fi
    fingerprint >"$venv/installed${1:+-$1}"
}

# What an environment was made from: change any of it and the packages are asked for again.
fingerprint() {
    { "$venv/bin/python" -V; cat setup.cfg pyproject.toml; } | cksum
}

# step NAME COMMAND...: run it, remember whether it passed; finish: say what failed, and with which exit.
failed=""
step() {
    step=$1
    shift
    say "== $step"
    "$@" || failed="$failed${failed:+, }$step"
}

finish() {
    if [ -n "$failed" ]; then
        say "Failed: $failed."
        exit 1
    fi
    say "All passed."
}
