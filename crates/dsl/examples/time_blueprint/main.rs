//! Parses and prepares one blueprint from the disk, and prints seconds and the peak of memory as JSON:
//! `time_blueprint FILE`. The benchmarks run it (`bench/topic/dsl.py`).

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use nephele_dsl::{
    Catalog, Fetch, Fetched, ImportError, Options, PrepareOptions, RandomIds, Resolver, Source, ValueQuery, Version,
    parse, prepare,
};
use nephele_model::json::{Map, object};

// As in the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = PathBuf::from(std::env::args().nth(1).ok_or("usage: time_blueprint FILE")?).canonicalize()?;
    let before = peak()?;
    let begin = Instant::now();
    let source = Source::new(format!("file:{}", file.display()), std::fs::read_to_string(&file)?);
    let parsed = parse(&source, &Resolver::new(Disk), &Options::default());
    let plan = parsed.map_err(|mut problems| problems.swap_remove(0))?.plan;
    let parse_time = begin.elapsed().as_secs_f64();
    let deployment = prepare(plan, Map::new(), &Nothing, &mut RandomIds, &PrepareOptions::default())?;
    let whole_time = begin.elapsed().as_secs_f64();
    let found = object! {
        "instances": deployment.node_instances().len(),
        "parse": parse_time,
        "prepare": whole_time - parse_time,
        "bytes": peak()?.saturating_sub(before),
    };
    writeln!(std::io::stdout(), "{found}")?;
    Ok(())
}

/// The most memory that this process ever held, in bytes.
fn peak() -> Result<u64, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).ok_or("no VmHWM in /proc/self/status")?;
    let kilobytes: u64 = line.split_whitespace().nth(1).ok_or("no number behind VmHWM")?.parse()?;
    Ok(kilobytes * 1024)
}

struct Disk;

impl Disk {
    fn path(location: &str) -> PathBuf {
        PathBuf::from(location.strip_prefix("file:").unwrap_or(location))
    }
}

impl Fetch for Disk {
    fn fetch(&self, location: &str, _version: Version) -> Result<Fetched, ImportError> {
        let text = std::fs::read_to_string(Self::path(location));
        text.map(Fetched::Text).map_err(|error| ImportError::unreachable(location, &error.to_string()))
    }

    fn exists(&self, location: &str) -> bool {
        Self::path(location).exists()
    }
}

struct Nothing;

impl Catalog for Nothing {
    fn has_secret(&self, _name: &str) -> Option<bool> {
        None
    }

    fn contains(&self, _query: &ValueQuery<'_>) -> bool {
        false
    }
}
