#!/usr/bin/env bash
# Installs what the checks need beyond the Rust toolchain, and only what is missing.
set -euo pipefail

missing=()
# need COMMAND-OR-FILE PACKAGE
need() {
    if [[ $1 == /* ]]; then [[ -e $1 ]] && return; else command -v "$1" >/dev/null && return; fi
    missing+=("$2")
}

need cc gcc
need c++ g++
need curl curl
need nc netcat-openbsd
need ip iproute2
need /lib/systemd/systemd systemd
need javac default-jdk-headless
need /usr/share/java/hessian.jar libhessian-java
need chromium chromium
need chromedriver chromium-driver
need haxe haxe
need node nodejs
need npm npm
need python3 python3
python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)

if ((${#missing[@]})); then
    echo "installing ${missing[*]}"
    as_root=()
    if ((EUID != 0)); then
        command -v sudo >/dev/null || { echo "not root and no sudo: install by hand: ${missing[*]}" >&2 && exit 1; }
        as_root=(sudo -n)
    fi
    export DEBIAN_FRONTEND=noninteractive
    "${as_root[@]}" apt-get -qq update
    "${as_root[@]}" apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
fi

# What is checked with programs from npm: the policy port with Ruffle and the policy server that most people use, the types of the script
# for browsers with TypeScript, its bundle with esbuild, the accessibility of the console and of the examples' pages with axe-core, calls with
# hessian.js. Only what the lock files pin, into node_modules.
peers=(hessian/tests/interop/npm policy-server/tests/interop/npm push-server/tests/interop/npm examples/tests/interop/npm)
for folder in "${peers[@]}"; do
    if ! cmp --silent "$folder/package-lock.json" "$folder/node_modules/.installed"; then
        npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error
        cp "$folder/package-lock.json" "$folder/node_modules/.installed"
    fi
done

# Calls with python-hessian, metrics with Prometheus' library: what the hashes pin, into folders of their own. Nothing of the system's Python changes.
pythons=(hessian/tests/interop/python push-server/tests/interop/python)
for python in "${pythons[@]}"; do
    if ! cmp --silent "$python/requirements.txt" "$python/site-packages/.installed"; then
        rm -rf "$python/site-packages"
        python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --require-hashes --only-binary :all: \
            --no-compile --target "$python/site-packages" --requirement "$python/requirements.txt"
        cp "$python/requirements.txt" "$python/site-packages/.installed"
    fi
done

cargo --version
javac -version
chromium --version 2>/dev/null
chromedriver --version
echo "haxe $(haxe --version), node $(node --version)"
for folder in "${peers[@]}"; do npm ls --prefix "$folder" --loglevel=error; done
echo "$(python3 --version), $(cat "${pythons[@]/%//requirements.txt}" | sed 's/ .*//' | paste -sd ' ')"
dpkg-query --showformat 'libhessian-java ${Version}\n' --show libhessian-java
