# Sourced by ./up, ./test and .ci/run: what must be there before any Rust of ours can run.
# Checks first (ten seconds, nothing changed), then packages, then the builds. All logic beyond that is in `cargo xtask`.

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/dbc/target}"
export CARGO_INCREMENTAL="${CARGO_INCREMENTAL:-0}"
bin="$CARGO_TARGET_DIR/debug"

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
refuse() {
    printf 'error: %s\n\nhint: %s\n' "$1" "$2" >&2
    exit 2
}

# As root already, or through sudo.
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

docker_runs() { [ -S /var/run/docker.sock ]; }

check_host() {
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || refuse "this needs root (containers, mounts, firewall rules)" "run it as root, or install sudo"
    fi
    [ "$(uname -sm)" = "Linux x86_64" ] || refuse "this machine is $(uname -sm); the network runs on Linux x86_64" "use an x86-64 Linux machine"
    # shellcheck disable=SC1091
    [ -r "$HOME/.cargo/env" ] && . "$HOME/.cargo/env"
    command -v cargo >/dev/null || refuse "no Rust toolchain found" "install it from https://rustup.rs, then open a new shell"
    local version
    version=$(rustc --version 2>/dev/null | sed -nE 's/^rustc ([0-9]+\.[0-9]+).*/\1/p')
    [ -n "$version" ] || refuse "rustc does not answer" "run 'rustup toolchain install 1.95.0' and try again"
    [ "$(printf '1.93\n%s\n' "$version" | sort -V | head -n1)" = 1.93 ] || refuse "Rust $version is too old, 1.93 or newer is needed" "run 'rustup update'"
    command -v apt-get >/dev/null || refuse "no apt-get: packages are installed from Debian or Ubuntu" "use Debian 12 or a current Ubuntu"
    mkdir -p "$CARGO_TARGET_DIR"
    local free_gib memory_gib
    free_gib=$(($(df -Pk "$CARGO_TARGET_DIR" | awk 'NR==2{print $4}') / 1048576))
    memory_gib=$(($(awk '/^MemTotal/{print $2}' /proc/meminfo) / 1048576))
    [ "$free_gib" -ge "${DBC_MIN_DISK_GIB:-15}" ] || refuse "only $free_gib GiB free at $CARGO_TARGET_DIR, 15 are needed" "free some space, or set CARGO_TARGET_DIR to a larger disk"
    [ "$memory_gib" -ge 3 ] || refuse "only $memory_gib GiB of memory, 4 are needed" "use a larger machine"
}

# What is missing of the named packages.
missing_packages() {
    local package
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || printf '%s ' "$package"
    done
}

install_packages() {
    local wanted="build-essential clang protobuf-compiler libssl-dev libsqlite3-dev pkg-config iproute2 iptables nftables btrfs-progs debootstrap docker-registry openssh-client busybox-static"
    # An engine that is there, whoever packaged it, is used and never replaced.
    if ! docker_runs && ! command -v dockerd >/dev/null; then wanted="$wanted docker.io"; fi
    local missing
    # shellcheck disable=SC2086
    missing=$(missing_packages $wanted)
    [ -z "$missing" ] && return
    say "installing: $missing"
    as_root apt-get update -qq
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
        refuse "could not install: $missing" "look at the messages of apt-get above"
    # Debian's package starts a registry on every address of port 5000; ours is an ordinary process on loopback.
    case " $missing " in
    *" docker-registry "*) [ ! -d /run/systemd/system ] || as_root systemctl disable --now docker-registry ;;
    esac
}

build_runtime() {
    say "runtime (WebAssembly)"
    cargo xtask setup
    cargo xtask wasm
}

build_programs() {
    say "node"
    cargo build --locked -p dbc-node
    say "agent, relay, command line"
    cargo build --locked -p dbc -p dbc-agent -p dbc-tunnel -p dbc-prove
    build_static
}

build_static() {
    say "programs that run inside containers (static)"
    RUSTFLAGS="-C target-feature=+crt-static" cargo build --locked -p dbc-init -p dbc-runc --target x86_64-unknown-linux-gnu
    RUSTFLAGS="-C target-feature=+crt-static" cargo build --locked -p dbc-prove --no-default-features --target x86_64-unknown-linux-gnu
}
