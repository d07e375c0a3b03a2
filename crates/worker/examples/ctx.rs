//! The command `ctx` as a program of its own; tests put it into scripts' `PATH`.

use std::process::ExitCode;

fn main() -> ExitCode {
    nephele_worker::ctx::command::main(std::env::args().skip(1))
}
