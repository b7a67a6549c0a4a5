//! Every bound as an option, named after the field of the library's `Limits`.

use clap::Args;
use humantime::Duration;
use policy_server::Limits;

use super::{http::HttpLimits, proxy::ProxyLimits};

/// Bounds on what peers may hold, and for how long. Times are written as 500ms, 5s, 2min.
#[derive(Args, Clone)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Connections open at a time, on all ports together
    #[arg(long, value_name = "N", value_parser = count, default_value_t = Limits::default().connections)]
    max_connections: usize,
    /// The same from one IPv4 address or IPv6 /64 network
    #[arg(long, value_name = "N", value_parser = count, default_value_t = Limits::default().connections_per_address)]
    max_connections_per_address: usize,
    /// Connections that have not shown yet what they are
    #[arg(long, value_name = "N", value_parser = count, default_value_t = Limits::default().unclassified)]
    max_unclassified: usize,
    /// The same from one IPv4 address or IPv6 /64 network
    #[arg(long, value_name = "N", value_parser = count, default_value_t = Limits::default().unclassified_per_address)]
    max_unclassified_per_address: usize,
    /// How long a connection may be silent
    #[arg(long, value_name = "TIME", value_parser = time, default_value_t = Limits::default().first_byte.into())]
    first_byte: Duration,
    /// The same once half of --max-unclassified are in use
    #[arg(long, value_name = "TIME", value_parser = time, default_value_t = Limits::default().first_byte_crowded.into())]
    first_byte_crowded: Duration,
    /// From the first byte of a policy request to its last
    #[arg(long, value_name = "TIME", value_parser = time, default_value_t = Limits::default().request.into())]
    request: Duration,
    /// To hand the answer to the kernel
    #[arg(long, value_name = "TIME", value_parser = time, default_value_t = Limits::default().answer.into())]
    answer: Duration,
    /// From the end of the answer until the player closes
    #[arg(long, value_name = "TIME", value_parser = time, default_value_t = Limits::default().drain.into())]
    drain: Duration,
    /// Bytes after a request that are read and dropped
    #[arg(long, value_name = "N", default_value_t = Limits::default().drain_bytes)]
    drain_bytes: usize,
    /// Pause after an accept that failed for want of descriptors
    #[arg(long, value_name = "TIME", value_parser = time, default_value_t = Limits::default().accept_backoff.into())]
    accept_backoff: Duration,
    /// To connect to the upstream
    #[arg(long, value_name = "TIME", value_parser = time, default_value_t = ProxyLimits::default().connect.into())]
    upstream_connect: Duration,
    /// How long a connection to the upstream may carry nothing, either way
    #[arg(long, value_name = "TIME", value_parser = time, default_value_t = ProxyLimits::default().idle.into())]
    upstream_idle: Duration,
    /// For the head of an HTTP request, and between two requests
    #[arg(long, value_name = "TIME", value_parser = time, default_value_t = HttpLimits::default().header.into())]
    http_header: Duration,
    /// Bytes of the head of an HTTP request, 8192 at least
    #[arg(long, value_name = "N", value_parser = header_bytes, default_value_t = HttpLimits::default().header_bytes)]
    http_header_bytes: usize,
    /// After which an HTTP connection is ended in good order
    #[arg(long, value_name = "TIME", value_parser = time, default_value_t = HttpLimits::default().lifetime.into())]
    http_lifetime: Duration,
    /// How long open connections may go on after SIGTERM or SIGINT
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "10s")]
    stop: Duration,
}

impl LimitArgs {
    pub(crate) fn port(&self) -> Limits {
        let mut limits = Limits::default();
        limits.connections = self.max_connections;
        limits.connections_per_address = self.max_connections_per_address;
        limits.unclassified = self.max_unclassified;
        limits.unclassified_per_address = self.max_unclassified_per_address;
        limits.first_byte = self.first_byte.into();
        limits.first_byte_crowded = self.first_byte_crowded.into();
        limits.request = self.request.into();
        limits.answer = self.answer.into();
        limits.drain = self.drain.into();
        limits.drain_bytes = self.drain_bytes;
        limits.accept_backoff = self.accept_backoff.into();
        limits
    }

    pub(crate) fn proxy(&self) -> ProxyLimits {
        ProxyLimits { connect: self.upstream_connect.into(), idle: self.upstream_idle.into() }
    }

    pub(crate) fn http(&self) -> HttpLimits {
        HttpLimits {
            header: self.http_header.into(),
            header_bytes: self.http_header_bytes,
            lifetime: self.http_lifetime.into(),
        }
    }

    pub(crate) fn stop(&self) -> std::time::Duration {
        self.stop.into()
    }
}

/// Lowers the numbers of connections to what `most` leaves room for. Those that say nothing may have a quarter
/// of it, and one address half of that, so that silence closes the port to nobody.
pub(crate) fn within(mut limits: Limits, most: usize) -> Limits {
    if limits.connections <= most {
        return limits;
    }
    let share = |limit: usize, share: usize| limit.min((most / share).max(1));
    limits.connections = most;
    limits.connections_per_address = share(limits.connections_per_address, 2);
    limits.unclassified = share(limits.unclassified, 4);
    limits.unclassified_per_address = share(limits.unclassified_per_address, 8);
    limits
}

/// Longer ones are meant as "never", and timers would have to count on it.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(30 * 24 * 3600);

fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("0 would let nobody in".to_owned()),
        Ok(n) => Ok(n),
        Err(e) => Err(format!("{e}; expected a number")),
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let time: Duration =
        text.parse().map_err(|e| format!("{e}; write a number and its unit, such as 500ms or 5s"))?;
    match *time {
        t if t.as_millis() == 0 => Err("less than 1ms would let nobody in".to_owned()),
        t if t > LONGEST => Err("more than 30 days; every wait has a bound".to_owned()),
        _ => Ok(time),
    }
}

/// What hyper can do with less, it does not say.
const HEADER_BYTES_MIN: usize = 8192;

fn header_bytes(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n @ HEADER_BYTES_MIN..) => Ok(n),
        Ok(n) => Err(format!("{n} bytes; {HEADER_BYTES_MIN} at least")),
        Err(e) => Err(format!("{e}; expected a number of bytes")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        limits: LimitArgs,
    }

    fn limits(args: &[&str]) -> LimitArgs {
        Cli::try_parse_from([&[""], args].concat()).unwrap_or_else(|e| panic!("{e}")).limits
    }

    #[test]
    fn the_defaults_are_the_librarys() {
        let limits = limits(&[]);
        assert_eq!(limits.port(), Limits::default());
        assert_eq!(limits.proxy(), ProxyLimits::default());
        assert_eq!(limits.http(), HttpLimits::default());
        assert_eq!(limits.stop(), Duration::from_secs(10));
    }

    #[test]
    fn each_option_sets_the_field_of_its_name() {
        type Field<T> = fn(&mut Limits) -> &mut T;
        let counts: [(&str, Field<usize>); 5] = [
            ("--max-connections", |l| &mut l.connections),
            ("--max-connections-per-address", |l| &mut l.connections_per_address),
            ("--max-unclassified", |l| &mut l.unclassified),
            ("--max-unclassified-per-address", |l| &mut l.unclassified_per_address),
            ("--drain-bytes", |l| &mut l.drain_bytes),
        ];
        for (option, field) in counts {
            let mut expected = Limits::default();
            *field(&mut expected) = 7;
            assert_eq!(limits(&[option, "7"]).port(), expected, "{option}");
        }
        let times: [(&str, Field<Duration>); 6] = [
            ("--first-byte", |l| &mut l.first_byte),
            ("--first-byte-crowded", |l| &mut l.first_byte_crowded),
            ("--request", |l| &mut l.request),
            ("--answer", |l| &mut l.answer),
            ("--drain", |l| &mut l.drain),
            ("--accept-backoff", |l| &mut l.accept_backoff),
        ];
        for (option, field) in times {
            let mut expected = Limits::default();
            *field(&mut expected) = Duration::from_millis(1234);
            assert_eq!(limits(&[option, "1s 234ms"]).port(), expected, "{option}");
        }
        let proxy = limits(&["--upstream-connect", "1s", "--upstream-idle", "2s"]).proxy();
        assert_eq!((proxy.connect.as_secs(), proxy.idle.as_secs()), (1, 2));
        let http = limits(&["--http-header", "1s", "--http-lifetime", "2s", "--http-header-bytes", "9000"]);
        let http = http.http();
        assert_eq!((http.header.as_secs(), http.lifetime.as_secs(), http.header_bytes), (1, 2, 9000));
        assert_eq!(limits(&["--stop", "3s"]).stop().as_secs(), 3);
    }

    #[test]
    fn a_machine_with_little_room_lowers_all_numbers_in_proportion() {
        let default = Limits::default();
        let lowered = within(default.clone(), 480);
        let numbers = (lowered.connections, lowered.connections_per_address);
        assert_eq!((numbers, lowered.unclassified, lowered.unclassified_per_address), ((480, 240), 120, 60));
        assert_eq!(within(default.clone(), default.connections), default);
        // What was asked for and is lower stays.
        let asked = limits(&["--max-unclassified", "5", "--max-connections-per-address", "7"]).port();
        let lowered = within(asked, 480);
        assert_eq!((lowered.unclassified, lowered.connections_per_address), (5, 7));
        let least = within(default, 1);
        assert_eq!((least.connections, least.unclassified, least.unclassified_per_address), (1, 1, 1));
    }

    #[test]
    fn no_number_of_connections_is_none() {
        for option in ["", "-per-address"]
            .into_iter()
            .flat_map(|end| [format!("--max-connections{end}"), format!("--max-unclassified{end}")])
        {
            let error = Cli::try_parse_from(["", &option, "0"]).err().expect(&option).to_string();
            assert!(error.contains("0 would let nobody in"), "{error}");
        }
        assert_eq!(limits(&["--drain-bytes", "0"]).port().drain_bytes, 0);
    }

    #[test]
    fn times_need_a_unit_and_a_sense() {
        for (text, problem) in
            [("5", "500ms or 5s"), ("0s", "less than 1ms"), ("99days", "more than 30 days"), ("", "500ms")]
        {
            let error = time(text).unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
        assert!(header_bytes("100").is_err() && header_bytes("x").is_err());
    }
}
