//! Options that several commands have.

use clap::{Args, ValueEnum};
use hessian::Limits;
use hessian::packet::Framing;

/// How packets are cut into frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FramingName {
    /// Java 4.0.11 and later: `05`, length
    Ws,
    /// Java 3.1.5-3.2.1, the Flash client: `P`, two bytes of length
    P,
    /// Java 4.0.0-4.0.2: chunks of a base-128 length, ended by `00`
    Varint,
    /// Java 4.0.3-4.0.10: chunks with `80` before their length, ended by `80 00`
    Marked,
}

impl From<FramingName> for Framing {
    fn from(name: FramingName) -> Self {
        match name {
            FramingName::Ws => Self::Ws,
            FramingName::P => Self::P,
            FramingName::Varint => Self::Varint,
            FramingName::Marked => Self::Marked,
        }
    }
}

/// The grammar of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum GrammarName {
    /// Hessian 2.0, as Java 4 writes it
    #[default]
    Final,
    /// The draft of 2007-2008: Java 3.1-3.2, the Flash client
    Draft,
    /// Hessian 1
    One,
}

/// Calls a function with the grammar that a name means.
macro_rules! in_grammar {
    ($name:expr, $function:ident($($argument:expr),*)) => {
        match $name {
            $crate::cli::options::GrammarName::Final => $function::<hessian::grammar::Final>($($argument),*),
            $crate::cli::options::GrammarName::Draft => $function::<hessian::grammar::Draft>($($argument),*),
            $crate::cli::options::GrammarName::One => $function::<hessian::grammar::One>($($argument),*),
        }
    };
}
pub(super) use in_grammar;

/// Bounds of the decoder.
#[derive(Debug, Args)]
pub(super) struct LimitOptions {
    /// Sets a bound of the decoder, such as max_packet or max_depth; may be given several times
    #[arg(long = "limit", value_name = "NAME=NUMBER", value_parser = limit)]
    limits: Vec<Limit>,
}

#[derive(Debug, Clone, Copy)]
struct Limit {
    set: fn(&mut Limits, u64),
    value: u64,
}

impl LimitOptions {
    pub(super) fn limits(&self) -> Limits {
        let mut limits = Limits::new();
        for limit in &self.limits {
            (limit.set)(&mut limits, limit.value);
        }
        limits
    }
}

fn limit(text: &str) -> Result<Limit, String> {
    /// The fields by their names; what is too large for one is its maximum.
    macro_rules! fields {
        ($name:expr, $value:expr; $($field:ident)*) => {
            match $name {
                $(stringify!($field) => Ok(Limit {
                    set: |limits, value| limits.$field = value.try_into().unwrap_or(!0),
                    value: $value,
                }),)*
                _ => Err(["no such limit; there are", $(concat!(" ", stringify!($field))),*].concat()),
            }
        };
    }
    let (name, value) = text.split_once('=').ok_or("NAME=NUMBER was expected")?;
    let value = value.parse().map_err(|_| format!("`{value}` is no whole number from 0 to {}", u64::MAX))?;
    fields!(
        name, value;
        max_depth max_string max_binary max_elements max_fields max_classes max_types max_repeats max_name max_names
        max_containers max_values max_expansion max_packet max_empty_frames max_inflated
    )
}
