//! The dialects of Hessian.
//!
//! | type | on the wire |
//! | --- | --- |
//! | [`Final`] | Hessian 2.0 as every Java library since 2008-08 writes it |

mod final2;

pub use final2::Final;

pub use crate::encode::dialect::Dialect;
