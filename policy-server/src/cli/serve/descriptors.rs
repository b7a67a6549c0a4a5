//! How many connections there are descriptors for.

use policy_server::Limits;

use super::{args::ServeArgs, limits::within};

/// Standard streams, logs, the policy file, the admin port and its connections.
const SPARE: u64 = 64 + super::admin::CONNECTIONS as u64;

/// Of a thread's runtime: what it waits with, what wakes it, and signals.
const RUNTIME: u64 = 4;

/// What to do where there are too few.
pub(crate) const REMEDY: &str = "raise LimitNOFILE or the hard limit of ulimit -n";

/// The bounds that this machine allows. A connection is a descriptor, or two with an upstream, and the soft limit
/// is often 1,024. More connections than there are descriptors for are refused one by one, instead of failing to
/// be accepted.
pub(crate) fn limits(args: &ServeArgs) -> Result<Limits, String> {
    let limits = args.limits.port();
    let most = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(most) => most,
        Err(error) => {
            tracing::warn!(%error, "cannot raise the number of open files");
            return Ok(limits);
        }
    };
    let listeners = args.listen.len() + args.policy_only.len();
    let each = if args.upstream.is_some() { 2 } else { 1 };
    let most = room(most, u64::from(args.threads), listeners as u64, each)?;
    let wanted = limits.connections;
    let limits = within(limits, most);
    if limits.connections < wanted {
        let (max_connections, max_unclassified) = (limits.connections, limits.unclassified);
        if wanted == Limits::default().connections {
            tracing::info!(
                max_connections,
                max_unclassified,
                remedy = REMEDY,
                "connections are bounded by the number of open files"
            );
        } else {
            tracing::warn!(
                max_connections,
                max_unclassified,
                wanted,
                remedy = REMEDY,
                "fewer connections than asked for"
            );
        }
    }
    Ok(limits)
}

/// How many connections of `each` descriptors there is room for beside `threads` with a socket for each of the
/// `listeners`. One at least.
fn room(descriptors: u64, threads: u64, listeners: u64, each: u64) -> Result<usize, String> {
    let used = SPARE + threads * (RUNTIME + listeners);
    match descriptors.saturating_sub(used) / each {
        0 => Err(format!(
            "{descriptors} open files are too few for {threads} threads x {listeners} listeners: {} at least; \
             {REMEDY}, or give fewer --threads",
            used + each
        )),
        most => Ok(usize::try_from(most).unwrap_or(usize::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_and_listeners_take_their_share() {
        assert_eq!(room(1024, 1, 1, 2), Ok((1024 - 128 - 5) / 2));
        assert_eq!(room(1024, 64, 2, 1), Ok(1024 - 128 - 384));
        let error = room(256, 64, 2, 2).unwrap_err();
        assert!(error.contains("64 threads x 2 listeners: 514 at least; raise LimitNOFILE"), "{error}");
        assert_eq!(room(514, 64, 2, 2), Ok(1));
    }
}
