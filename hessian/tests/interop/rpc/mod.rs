//! Calls and streams against programs that are not ours: Caucho's Java library as client and as server, `hessian.js` and `python-hessian` as
//! clients.
//!
//! `bash .ci/interop.sh rpc` runs them. README.md beside the folder tells what the Java programs do.

mod calls;
mod interfaces;
mod javascript;
mod listening;
mod process;
mod python;
mod server;
mod serving;
mod test_service;
