//! The tutorial's TestCometServlet: the logic of one connection.

use push_server::controller::{Context, Controller, Flow, Result};

use super::timer_service::{COUNT, TimerService};

/// Registers with the service, and sends what is new whenever the service wakes it.
pub(crate) struct TestComet {
    timer: TimerService,
}

impl TestComet {
    pub(crate) const fn new(timer: TimerService) -> Self {
        Self { timer }
    }
}

impl Controller for TestComet {
    /// The servlet's `service`: the request has come.
    async fn begin(&mut self, cx: &mut Context) -> Result {
        self.timer.add(cx.handle().clone());
        Ok(Flow::Suspend)
    }

    /// `<script type="text/javascript">comet_update(3, null);</script>`
    async fn resume(&mut self, cx: &mut Context) -> Result {
        if let Some(count) = cx.get::<u32>(COUNT) {
            cx.send(&*count)?;
        }
        Ok(Flow::Suspend)
    }
}
