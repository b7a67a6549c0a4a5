//! Skeleton of the crate; the first real parts follow.
