//! What is measured, one file a question.

mod burst;
mod churn;
mod connect;
mod idle;
mod rate;
mod soak;
mod stalled;
mod streams;
mod transports;

use clap::ValueEnum;

use crate::Options;
use crate::form::{self, Form};
use crate::target::Target;

/// A question with its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// All of them.
    All,
    /// 10,000 deliveries a second, one send each: processor time and latency.
    Rate,
    /// As fast as it goes: messages that are due to one connection leave together.
    Burst,
    /// Memory of idle connections.
    Idle,
    /// Connects a second, and a burst of 1,000.
    Connect,
    /// Half of 40 subscribers read nothing: the others' latency, and memory.
    Stalled,
    /// 300 new connections a second: memory afterwards.
    Churn,
    /// 2,000 streams with one subscriber each.
    Streams,
    /// Every transport and framing against the best one.
    Transports,
    /// Thousands over all transports, some stalled, some coming back: every message once, in order.
    Soak,
}

impl Scenario {
    pub(crate) fn run(self, options: &Options) -> anyhow::Result<()> {
        match self {
            Self::All => Ok(()),
            Self::Rate => rate::run(options),
            Self::Burst => burst::run(options),
            Self::Idle => idle::run(options),
            Self::Connect => connect::run(options),
            Self::Stalled => stalled::run(options),
            Self::Churn => churn::run(options),
            Self::Streams => streams::run(options),
            Self::Transports => transports::run(options),
            Self::Soak => soak::run(options),
        }
    }
}

/// Who takes part in which form. The floor comes first and in every form that somebody serves.
type Contender = (Target, Form);

fn name((target, form): &Contender) -> String {
    format!("{}, {}", target.name(), form.name)
}

/// The targets in the order of the table, the floor always among them.
fn contenders(options: &Options, forms: &[Form]) -> Vec<Contender> {
    let mut targets = options.against.clone();
    targets.push(Target::Floor);
    targets.sort_unstable();
    targets.dedup();
    let of = |form: &Form| {
        let form = *form;
        targets.iter().filter(move |target| target.serves(&form)).map(move |target| (*target, form))
    };
    forms.iter().flat_map(|form| of(form).collect::<Vec<_>>()).collect()
}

/// The forms that the rows about one stream are measured in.
const FORMS: [Form; 2] = [form::HESSIAN, form::SSE];

/// Where the floor of this form is.
fn floor_of(contenders: &[Contender], form: Form) -> usize {
    contenders.iter().position(|contender| *contender == (Target::Floor, form)).unwrap_or(0)
}
