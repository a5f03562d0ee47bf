#!/bin/sh
# Builds the addon inside a container of an old distribution, for the oldest C library it shall run with:
#
#     sh scripts/build-binary.sh RUST_TARGET OUTPUT
#
# Knows AlmaLinux (manylinux images) and Alpine; installs what it needs, and leaves the target folder in the container.
set -eu
target=$1
output=$2

if command -v apk >/dev/null; then
  apk add --no-cache build-base cmake clang-dev curl git linux-headers
  # A library that is loaded cannot bring a C library of its own, as musl programs do by default.
  export RUSTFLAGS="-C target-feature=-crt-static"
else
  dnf install -y clang-devel cmake git
fi
command -v cargo >/dev/null || {
  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal --default-host "$target"
  . "$HOME/.cargo/env"
}
export CARGO_TARGET_DIR=/tmp/target
(cd native && cargo build --release --locked)
mkdir -p "$(dirname "$output")"
cp "$CARGO_TARGET_DIR/release/libechostream_native.so" "$output"
