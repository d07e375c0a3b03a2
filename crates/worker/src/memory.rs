//! How much memory the processes of an operation hold.
//!
//! Resident memory is measured and nothing is reserved, since many programs map far more than they use.

use std::time::Duration;

use crate::process_table;

const CHECK: Duration = Duration::from_millis(500);

/// Waits until a process group holds more than it may, and says how many bytes it holds.
pub(crate) async fn beyond(group: i32, most: Option<u64>) -> u64 {
    let Some(most) = most else { return std::future::pending().await };
    loop {
        tokio::time::sleep(CHECK).await;
        let members = process_table::all().into_iter().filter(|process| process.group == group);
        let held = members.map(|process| process_table::resident(process.pid)).sum();
        if held > most {
            return held;
        }
    }
}
