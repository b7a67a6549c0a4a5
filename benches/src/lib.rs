//! Shared payloads of the benchmarks.
