# Short names for what a contributor does every day. `just --list`.

# What CI checks, without the long suites.
check:
    cargo fmt --all --check
    cargo clippy --release --workspace --all-targets -- -D warnings
    cargo test --release
    RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps

# The long suites: kills, rendered parts, memory.
long:
    cargo test --release -p acceptance --test acceptance acknowledged_parts_survive_100_kills -- --ignored --nocapture
    cargo test --release -p acceptance --test acceptance memory_is_flat -- --ignored --nocapture
    cargo test --release -p acceptance --test acceptance five_hundred -- --ignored --nocapture

# All criterion benches; compare with a saved baseline: just bench -- --baseline before
bench *ARGS:
    cargo bench -p benches {{ARGS}}
