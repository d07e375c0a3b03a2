//! Requests as they are counted, and all numbers in the text format of Prometheus.
//!
//! Invariant: a label is a route of the table, a method, a status or a word of this program. Nothing that a client makes
//! up becomes one, so the number of series has a bound, and no name of what is run is told.

use std::time::Duration;

use axum::extract::MatchedPath;
use axum::http::{Method, StatusCode};
use nephele_manager::Measures;
use prometheus::core::Collector;
use prometheus::{
    Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry, Result, TextEncoder,
};

/// Bounds of the durations of requests, in seconds.
const BOUNDS: [f64; 8] = [0.005, 0.02, 0.05, 0.2, 0.5, 2.0, 10.0, 60.0];

/// The requests that were answered since the start.
pub(crate) struct Requests(Option<Counters>);

struct Counters {
    registry: Registry,
    answered: IntCounterVec,
    seconds: HistogramVec,
}

impl Requests {
    /// None so far.
    pub(crate) fn new() -> Self {
        let counters = Counters::new();
        Self(counters.inspect_err(|error| tracing::error!(%error, "requests cannot be counted")).ok())
    }

    /// Counts a request: for the route that it took, if it took one.
    pub(crate) fn note(&self, route: Option<&MatchedPath>, method: &Method, status: StatusCode, took: Duration) {
        let Some(counters) = &self.0 else { return };
        let route = route.map_or("none", MatchedPath::as_str);
        let method = known(method);
        counters.answered.with_label_values(&[route, method, status.as_str()]).inc();
        counters.seconds.with_label_values(&[route, method]).observe(took.as_secs_f64());
    }

    /// All numbers, as Prometheus reads them.
    pub(crate) fn text(&self, measures: &Measures) -> Result<String> {
        let mut families = present(measures)?.gather();
        families.extend(self.0.iter().flat_map(|counters| counters.registry.gather()));
        TextEncoder::new().encode_to_string(&families)
    }
}

impl Counters {
    fn new() -> Result<Self> {
        let registry = Registry::new();
        let answered = IntCounterVec::new(
            Opts::new("nephele_http_requests_total", "Requests that were answered."),
            &["route", "method", "status"],
        )?;
        let seconds = HistogramVec::new(
            HistogramOpts::new("nephele_http_request_duration_seconds", "Time until a request's answer began.")
                .buckets(BOUNDS.to_vec()),
            &["route", "method"],
        )?;
        registry.register(Box::new(answered.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        Ok(Self { registry, answered, seconds })
    }
}

/// The method, if it is one that anything is served under.
fn known(method: &Method) -> &'static str {
    const METHODS: [Method; 7] =
        [Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::PATCH, Method::DELETE, Method::OPTIONS];
    const NAMES: [&str; 7] = ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"];
    METHODS.iter().position(|known| known == method).map_or("other", |place| NAMES[place])
}

/// What stands in the database and the process at this moment.
fn present(measures: &Measures) -> Result<Registry> {
    let page = Page(Registry::new());
    let executions = measures.executions.iter().map(|(status, count)| (status.as_str(), whole(*count)));
    page.gauges("nephele_executions", "Executions of all tenants.", "status", executions)?;
    let operations = measures.operations.iter().map(|(state, count)| (state.as_str(), whole(*count)));
    page.gauges("nephele_operations", "Operations of executions under way that have not ended.", "state", operations)?;
    let queues = measures.queues.iter().map(|(kind, depth)| (*kind, whole(i64::try_from(*depth).unwrap_or(i64::MAX))));
    page.gauges("nephele_bus_messages", "Messages on the bus that nobody has in hand.", "queue", queues)?;
    page.gauge("nephele_outbox_messages", "Messages that are written and not yet on a bus.", whole(measures.outbox))?;
    page.counter("nephele_events_total", "Events that were written.", measures.events.unsigned_abs())?;
    page.counter("nephele_database_statements_total", "Statements sent to the database.", measures.statements)?;
    page.pools(measures)?;
    let (live, silent) = measures.managers;
    let managers = [("live", live), ("silent", silent)];
    let managers = managers.map(|(state, count)| (state, f64::from(u32::try_from(count).unwrap_or(u32::MAX))));
    page.gauges("nephele_managers", "Managers on this database.", "state", managers)?;
    if let Some((age, lease)) = measures.lease {
        page.gauge("nephele_lease_age_seconds", "Since this manager said that it lives.", age)?;
        page.gauge("nephele_lease_seconds", "For how long others believe that.", lease)?;
    }
    if let Some(memory) = measures.memory {
        let memory = whole(i64::try_from(memory).unwrap_or(i64::MAX));
        page.gauge("process_resident_memory_bytes", "Memory that this process holds.", memory)?;
    }
    Ok(page.0)
}

#[expect(clippy::cast_precision_loss, reason = "what is counted here is far below 2^53")]
const fn whole(count: i64) -> f64 {
    count as f64
}

/// The numbers of one moment.
struct Page(Registry);

impl Page {
    fn add(&self, collector: impl Collector + 'static) -> Result<()> {
        self.0.register(Box::new(collector))
    }

    fn gauge(&self, name: &str, help: &str, value: f64) -> Result<()> {
        let gauge = Gauge::new(name, help)?;
        gauge.set(value);
        self.add(gauge)
    }

    fn counter(&self, name: &str, help: &str, value: u64) -> Result<()> {
        let counter = IntCounter::new(name, help)?;
        counter.inc_by(value);
        self.add(counter)
    }

    fn gauges<'a>(
        &self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'a str, f64)>,
    ) -> Result<()> {
        let gauges = GaugeVec::new(Opts::new(name, help), &[label])?;
        for (word, value) in values {
            gauges.with_label_values(&[word]).set(value);
        }
        self.add(gauges)
    }

    fn pools(&self, measures: &Measures) -> Result<()> {
        let help = "Connections to the database: open ones, those of them that do nothing, and how many there may be.";
        let gauges = GaugeVec::new(Opts::new("nephele_database_connections", help), &["pool", "state"])?;
        for pool in &measures.pools {
            let idle = u32::try_from(pool.idle).unwrap_or(u32::MAX);
            for (state, count) in [("open", pool.open), ("idle", idle), ("most", pool.most)] {
                gauges.with_label_values(&[pool.name, state]).set(f64::from(count));
            }
        }
        self.add(gauges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_make_up_is_no_label() {
        let made_up = Method::from_bytes(b"BREW").unwrap();
        assert_eq!((known(&made_up), known(&Method::PATCH)), ("other", "PATCH"));
        let requests = Requests::new();
        requests.note(None, &made_up, StatusCode::NOT_FOUND, Duration::from_millis(7));
        let families = requests.0.unwrap().registry.gather();
        let text = TextEncoder::new().encode_to_string(&families).unwrap();
        assert!(
            text.contains("nephele_http_requests_total{method=\"other\",route=\"none\",status=\"404\"} 1"),
            "{text}"
        );
    }
}
