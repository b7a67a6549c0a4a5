//! The articles' weather servlet: the logic of one connection, for long polls and for streams alike.

use push_server::controller::{Context, Controller, Flow, Reason, Result};

use super::weatherman::Weatherman;

/// Sends what its client has not seen, now and whenever there is something new. A long poll ends with the first that is
/// written, and its client asks again; a stream goes on. That is no concern of the controller's.
pub(crate) struct WeatherComet {
    weatherman: Weatherman,
    /// The revision of the last report that the client has.
    seen: i64,
    /// By which the weatherman knows this connection, once it has begun.
    id: Option<u64>,
}

impl WeatherComet {
    pub(crate) const fn new(weatherman: Weatherman, seen: i64) -> Self {
        Self { weatherman, seen, id: None }
    }

    fn tell(&mut self, cx: &mut Context) -> Result {
        for report in self.weatherman.since(self.seen) {
            cx.send(&report)?;
            self.seen = report.revision;
        }
        Ok(Flow::Suspend)
    }
}

impl Controller for WeatherComet {
    /// Tomcat's `BEGIN`, Jetty's `isInitial()`. First it is registered: what comes meanwhile wakes it afterwards.
    async fn begin(&mut self, cx: &mut Context) -> Result {
        self.id = Some(cx.handle().id());
        self.weatherman.add(cx.handle().clone());
        self.tell(cx)
    }

    /// Jetty's `isResumed()`.
    async fn resume(&mut self, cx: &mut Context) -> Result {
        self.tell(cx)
    }

    /// Tomcat's `END` and `ERROR`: of a poll that is answered nothing remains.
    fn close(&mut self, _: Reason) {
        if let Some(id) = self.id {
            self.weatherman.remove(id);
        }
    }
}
