//! The tutorial's HessianCometServlet: the logic of one connection.

use push_server::controller::{Context, Controller, Flow, Result};

use super::timer_service::{AddString, COMMAND, TimerService};

/// Registers with the service, and sends what is new whenever the service wakes it.
pub(crate) struct HessianComet {
    timer: TimerService,
}

impl HessianComet {
    pub(crate) const fn new(timer: TimerService) -> Self {
        Self { timer }
    }
}

impl Controller for HessianComet {
    /// The servlet's `service`: the request has come.
    async fn begin(&mut self, cx: &mut Context) -> Result {
        self.timer.add(cx.handle().clone());
        Ok(Flow::Suspend)
    }

    /// `out.writeObject(controller.getAttribute("comet.command"))`: as one packet, in the framing and the grammar of this
    /// connection, which is told once what an AddString is.
    async fn resume(&mut self, cx: &mut Context) -> Result {
        if let Some(command) = cx.get::<AddString>(COMMAND) {
            cx.send(&*command)?;
        }
        Ok(Flow::Suspend)
    }
}
