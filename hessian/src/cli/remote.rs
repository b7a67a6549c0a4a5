//! What `call` and `listen` have in common: who they are for the server, and how what fails there ends.

use super::stop::{Outcome, Stop};
use clap::Args;
use hessian::client::Error;
use std::time::Duration;

/// What is sent with a request.
#[derive(Debug, Args)]
pub(super) struct RequestOptions {
    /// Sends a header field; may be given several times
    #[arg(long, short = 'H', value_name = "NAME: VALUE", value_parser = field)]
    header: Vec<(String, String)>,
    /// Sends a user and a password (basic authentication)
    #[arg(long, short, value_name = "USER:PASSWORD", value_parser = user, conflicts_with = "bearer")]
    user: Option<(String, String)>,
    /// Sends a token
    #[arg(long, value_name = "TOKEN")]
    bearer: Option<String>,
}

impl RequestOptions {
    /// Each header field.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.header.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(super) fn user(&self) -> Option<(&str, &str)> {
        self.user.as_ref().map(|(user, password)| (user.as_str(), password.as_str()))
    }

    pub(super) fn bearer(&self) -> Option<&str> {
        self.bearer.as_deref()
    }
}

fn field(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once(':').ok_or("`Name: value` was expected")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn user(text: &str) -> Result<(String, String), &'static str> {
    let (user, password) = text.split_once(':').ok_or("USER:PASSWORD was expected")?;
    Ok((user.to_owned(), password.to_owned()))
}

/// A time in seconds, which may have a fraction.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 =
        text.parse().map_err(|_| "a number of seconds was expected, such as 2.5".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if !time.is_zero() => Ok(time),
        _ => Err("more than 0 seconds were expected, and less than for ever".to_owned()),
    }
}

/// What failed at the other end, or on the way, or was wrong here already.
pub(super) fn ended(url: &str, error: &Error) -> Stop {
    match error {
        Error::Address(..) | Error::Setting { .. } | Error::Arguments(_) | Error::Upload(_) => {
            Stop::unusable(error)
        }
        _ => Stop::unreachable(format_args!("{}: {error}", without_password(url))),
    }
}

/// A URL as it may be told: it may hold a password.
pub(super) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => url.to_owned(),
    }
}

/// Runs the one thing that a command does over the network.
pub(super) fn block_on<T>(work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Stop::unusable(format_args!("this system gives nothing to wait with: {error}")))?;
    runtime.block_on(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_told() {
        assert_eq!(without_password("http://u:p@h/x@y"), "http://h/x@y");
        assert_eq!(without_password("http://h:1/?a=b@c"), "http://h:1/?a=b@c");
        assert_eq!(without_password("tcp://u:p@w@h:1"), "tcp://h:1");
        assert_eq!(without_password("nonsense"), "nonsense");
    }

    #[test]
    fn times_have_fractions_and_an_end() {
        assert_eq!(seconds("2.5"), Ok(Duration::from_millis(2500)));
        for wrong in ["0", "-1", "inf", "NaN", "2s", ""] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
