//! Hessian 2.0.

/// Hessian 2.0, the grammar of every Java library since August 2008.
#[derive(Debug, Clone, Copy)]
pub enum Final {}
